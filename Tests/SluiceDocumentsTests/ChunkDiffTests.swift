import SluiceCore
import SluiceDocuments
import SluiceSystem
import SluiceTestKit
import Testing

@Suite("What changes between two lists of chunks")
struct ChunkDiffTests {
    private func diff(_ live: [String], _ staged: [String]) -> ChunkDiff {
        ChunkDiff(
            live: live.enumerated().map { (ChunkID(rawValue: Int64($0.offset)), SHA256Digest(ofText: $0.element)) },
            staged: staged.map { SHA256Digest(ofText: $0) }
        )
    }

    @Test("twins are matched in order; what moves stays; what has no partner goes or comes")
    func examples() {
        let moved = diff(["a", "b", "a", "c"], ["c", "a", "d", "a", "a"])
        #expect(
            moved.kept == [
                .init(chunk: ChunkID(rawValue: 3), place: 0), .init(chunk: ChunkID(rawValue: 0), place: 1),
                .init(chunk: ChunkID(rawValue: 2), place: 3),
            ]
        )
        #expect(moved.added == [2, 4] && moved.gone == [ChunkID(rawValue: 1)])
        #expect(diff([], ["a"]).added == [0] && diff(["a"], []).gone == [ChunkID(rawValue: 0)])
    }

    @Test(
        "applied to the live list it gives the new one, with as many kept as the multisets share",
        arguments: 0..<200 as Range<UInt64>
    )
    func property(seed: UInt64) {
        var random = SluiceTestKit.SeededGenerator(seed: seed)
        func list() -> [String] {
            (0..<Int.random(in: 0...30, using: &random)).map { _ in "\(Int.random(in: 0..<8, using: &random))" }
        }
        let (live, staged) = (list(), list())
        let diff = diff(live, staged)
        var result = [String?](repeating: nil, count: staged.count)
        for kept in diff.kept { result[kept.place] = live[Int(kept.chunk.rawValue)] }
        for place in diff.added { result[place] = staged[place] }
        #expect(result == staged)
        #expect(Set(diff.kept.map(\.chunk)).count == diff.kept.count, "no chunk takes two places")
        #expect(Set(diff.kept.map(\.chunk)).union(diff.gone).count == live.count)
        #expect(diff.kept.count + diff.gone.count == live.count && diff.kept.count + diff.added.count == staged.count)
        let shared = Set(live).map { text in min(live.count { $0 == text }, staged.count { $0 == text }) }.reduce(0, +)
        #expect(diff.kept.count == shared)
    }
}
