import SluiceDocuments
import SluiceTestKit
import Testing

@Suite("When compaction is worth it")
struct CompactionPolicyTests {
    private func facts(live: Int64, dead: Int64, graph: (bytes: Int64, expected: Int64)? = nil) -> RelationFacts {
        RelationFacts(
            table: "vectors",
            liveRows: live,
            deadRows: dead,
            bytes: 1 << 20,
            indexes: [RelationFacts.Index(name: "key", bytes: 1 << 30, expectedBytes: nil, isGraph: false)]
                + (graph.map {
                    [RelationFacts.Index(name: "graph", bytes: $0.bytes, expectedBytes: $0.expected, isGraph: true)]
                }
                    ?? [])
        )
    }

    @Test("many dead rows: the graph is built anew, and only then the table is vacuumed")
    func order() {
        let steps = CompactionPolicy().steps([facts(live: 9_000, dead: 1_000, graph: (1 << 20, 1 << 20))])
        #expect(steps == [.reindex("graph", table: "vectors"), .vacuum("vectors")])
    }

    @Test("few dead rows, or a small share of them: nothing")
    func clean() {
        let policy = CompactionPolicy()
        #expect(policy.steps([facts(live: 100, dead: 999, graph: (1 << 30, 1 << 30))]) == [])
        #expect(policy.steps([facts(live: 99_000, dead: 1_000, graph: (1 << 30, 1 << 30))]) == [])
        #expect(policy.steps([facts(live: 0, dead: 0)]) == [])
    }

    @Test("a graph far larger than a new one is built anew without a vacuum; a small one is not worth it")
    func bloat() {
        let policy = CompactionPolicy()
        #expect(
            policy.steps([facts(live: 9, dead: 0, graph: (32 << 20, 20 << 20))]) == [
                .reindex("graph", table: "vectors")
            ]
        )
        #expect(policy.steps([facts(live: 9, dead: 0, graph: (30 << 20, 20 << 20))]) == [])
        #expect(policy.steps([facts(live: 9, dead: 0, graph: (8 << 20, 1 << 20))]) == [])
    }

    @Test("in any facts a vacuum comes after the graphs of its table, and no step comes twice")
    func random() {
        var generator = SluiceTestKit.SeededGenerator(seed: 3)
        for _ in 0..<500 {
            let relations = (0..<Int.random(in: 0...4, using: &generator)).map { number in
                RelationFacts(
                    table: "t\(number)",
                    liveRows: Int64.random(in: 0...20_000, using: &generator),
                    deadRows: Int64.random(in: 0...5_000, using: &generator),
                    bytes: 0,
                    indexes: (0..<2).map {
                        RelationFacts.Index(
                            name: "t\(number)i\($0)",
                            bytes: Int64.random(in: 0...(64 << 20), using: &generator),
                            expectedBytes: Bool.random(using: &generator) ? 20 << 20 : nil,
                            isGraph: Bool.random(using: &generator)
                        )
                    }
                )
            }
            let steps = CompactionPolicy().steps(relations)
            #expect(Set(steps.map(\.relation)).count == steps.count)
            for (place, step) in steps.enumerated() {
                guard case .vacuum(let table) = step else { continue }
                let later = steps[(place + 1)...].filter { step in
                    if case .reindex(_, let other) = step { return other == table }
                    return false
                }
                #expect(later.isEmpty)
            }
        }
    }
}

@Suite("Quiet hours")
struct QuietHoursTests {
    @Test("until they begin, over midnight too")
    func wait() throws {
        let night = try #require(QuietHours("22-4"))
        #expect(night.wait(at: 21 * 3_600) == .seconds(3_600))
        #expect(night.wait(at: 22 * 3_600) == .zero)
        #expect(night.wait(at: 86_400 * 3 + 3 * 3_600) == .zero)
        #expect(night.wait(at: 4 * 3_600) == .seconds(18 * 3_600))
        let early = try #require(QuietHours("1-5"))
        #expect(early.wait(at: 0) == .seconds(3_600))
        #expect(early.wait(at: 5 * 3_600) == .seconds(20 * 3_600))
        #expect(early.wait(at: -86_400 + 2 * 3_600) == .zero)
        #expect(QuietHours("22-0")?.wait(at: 23 * 3_600) == .zero)
        #expect(QuietHours.always.wait(at: 12_345) == .zero)
    }

    @Test("whenever they begin, they are open then, and were not just before")
    func beginning() {
        for from in 0..<24 {
            for to in 0...24 {
                guard let hours = QuietHours("\(from)-\(to)") else { continue }
                for time in stride(from: Int64(0), to: 172_800, by: 1_799) {
                    let wait = hours.wait(at: time).components.seconds
                    #expect(hours.wait(at: time + wait) == .zero && wait < 86_400)
                    if wait > 1 { #expect(hours.wait(at: time + wait - 1) == .seconds(1)) }
                }
            }
        }
    }

    @Test(
        "what is no pair of hours is refused",
        arguments: ["", "5", "5-5", "0-0", "24-3", "3-25", "-1-4", "a-b", "1-2-3"]
    )
    func refused(text: String) { #expect(QuietHours(text) == nil) }
}
