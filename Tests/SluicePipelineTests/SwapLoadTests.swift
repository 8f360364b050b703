import SluiceCore
import SluiceDocuments
import SluicePostgres
import SluiceSearch
import SluiceServerKit
import SluiceStore
import Synchronization
import Testing

@Suite("Readers while versions are swapped", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(5)))
struct SwapLoadTests {
    private static let swaps = 1_000
    private static let readers = 3

    /// What readers saw, by the epoch that they were told.
    private final class Seen: Sendable {
        struct Answer: Hashable { let epoch: Int64, number: Int }
        let answers = Mutex<[Answer: Int]>([:])
        let isOver = Mutex(false)
        var goesOn: Bool { isOver.withLock { !$0 } }
        func note(_ result: SearchResult) {
            answers.withLock { $0[Answer(epoch: result.epoch, number: result.version), default: 0] += 1 }
        }
    }

    /// The second version's vectors point the other way, so that an answer tells which table it came from: only in the first is a
    /// chunk near to its own text.
    @Test("a thousand swaps and rollbacks under reads and writes: no error, and no answer of two versions")
    func readers() async throws {
        try await RebuildFixture.run { fixture in
            let pool = fixture.base.store.pool
            _ = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<60))
            let version = try await fixture.rebuild()
            try #require(version.state == .ready)
            try await pool.execute(
                Statement(
                    "UPDATE embeddings_g\(version.id) SET embedding = embedding * array_fill(-1::real, ARRAY[16])::halfvec(16)"
                )
            )
            let (first, second) = (try await fixture.live(), version)
            let question = try #require(
                try await pool.query(
                    Statement<String>("SELECT text FROM chunks ORDER BY id LIMIT 1") { row throws(PostgresError) in
                        try row.text(0)
                    }
                ).first
            )
            let searcher = Searcher(pool: pool, embedder: fixture.base.embedder)
            let seen = Seen()
            let epochs = Mutex<[Int64: Int]>([:])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for reader in 0..<Self.readers {
                    group.addTask {
                        while seen.goesOn {
                            let request = SearchRequest(text: question, mode: reader == 0 ? .hybrid : .dense)
                            let result = try await searcher.search(request)
                            seen.note(result)
                            let own = result.hits.first { $0.text == question }?.parts.similarity ?? -1
                            #expect(
                                (own > 0.99) == (result.version == first.number),
                                "version \(result.version) gave \(own)"
                            )
                            #expect(!result.hits.isEmpty)
                        }
                    }
                }
                group.addTask {
                    var number = 0
                    while seen.goesOn {
                        number += 1
                        let text = RebuildFixture.prose(number..<(number + 4), "w\(number % 7)")
                        _ = try await fixture.base.request(try fixture.base.write("w.txt", text))
                        for queue in [QueueName.ingestion, .embedding] {
                            while try await fixture.perform(queue) != nil {}
                        }
                    }
                }
                defer { seen.isOver.withLock { $0 = true } }
                for round in 0..<Self.swaps {
                    let target = round.isMultiple(of: 2) ? second : first
                    let report = try await fixture.versions.swap(to: target.id, fence: nil)
                    epochs.withLock { $0[report.epoch] = report.to }
                }
                seen.isOver.withLock { $0 = true }
                try await group.waitForAll()
            }
            let known = epochs.withLock { $0 }
            #expect(known.count == Self.swaps)
            let answers = seen.answers.withLock { $0 }
            for answer in answers.keys {
                #expect((known[answer.epoch] ?? first.number) == answer.number, "epoch \(answer.epoch)")
            }
            #expect(Set(answers.keys.map(\.number)) == [first.number, second.number])
            #expect(answers.values.reduce(0, +) > Self.swaps / 4, "\(answers.values.reduce(0, +)) answers")
            // Nothing was lost on the way.
            for version in [first, second] { #expect(try await fixture.isWhole(version)) }
        }
    }
}
