import SluiceCore
import SluiceDocuments
import SluicePipeline
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("Another chunker while the corpus changes", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(4)))
struct RechunkRaceTests {
    @Test(
        "ingests, updates and deletes in any order between its steps: both sets are the chunkers' in the end, and nothing comes back",
        arguments: 0..<6 as Range<UInt64>
    )
    func steps(seed: UInt64) async throws {
        try await RebuildFixture.run { fixture in
            var random = SluiceTestKit.SeededGenerator(seed: seed)
            var texts: [String: String] = [:]
            for number in 0..<6 {
                let text = RebuildFixture.prose(0..<12, "w\(number)")
                texts[try await fixture.ingest("\(number).txt", text)] = text
            }
            let first = try await fixture.live()
            let (version, fence) = try await fixture.begin(RebuildFixture.wider)
            for step in 0..<14 {
                switch Int.random(in: 0..<6, using: &random) {
                case 0:
                    let text = RebuildFixture.prose(0..<6, "n\(step)")
                    let uri = try fixture.base.write("new\(step).txt", text)
                    texts[uri] = text
                    _ = try await fixture.base.request(uri)
                    try await fixture.performIngests()
                case 1:
                    guard let uri = texts.keys.sorted().randomElement(using: &random) else { continue }
                    let text = RebuildFixture.prose(step..<step + 9, "u\(step)")
                    try fixture.base.write(String(uri.split(separator: "/").last ?? ""), text)
                    texts[uri] = text
                    _ = try await fixture.base.request(uri)
                    // Half of the time it is still to be embedded when the next step comes.
                    _ = try await fixture.perform(.ingestion)
                    if Bool.random(using: &random) { try await fixture.performIngests() }
                case 2:
                    guard let uri = texts.keys.sorted().randomElement(using: &random) else { continue }
                    texts[uri] = nil
                    _ = try await fixture.delete(uri)
                case 3: _ = try await fixture.versions.backfill(version.id, limit: 7, fence: fence)
                default:
                    let limit = Int.random(in: 1...3, using: &random)
                    _ = try await fixture.versions.cut(version.id, limit: limit, fence: fence)
                }
            }
            try await fixture.performIngests()
            try await fixture.fill(version, fence)
            for (uri, text) in texts {
                for each in [first, version] {
                    #expect(try await fixture.pieces(uri, each) == fixture.expected(text, each), "\(each.number)")
                }
            }
            #expect(try await fixture.isCovered(version))
            let all = texts.values.reduce(0) { $0 + fixture.expected($1, version).count }
            #expect(try await fixture.chunks(ofSet: 2) == all)
            #expect(try await fixture.isWhole(first))
        }
    }

    @Test("at the same time, without an ingest failing")
    func concurrently() async throws {
        try await RebuildFixture.run { fixture in
            for number in 0..<8 {
                _ = try await fixture.ingest("\(number).txt", RebuildFixture.prose(0..<25, "w\(number)"))
            }
            let first = try await fixture.live()
            let (version, fence) = try await fixture.begin(RebuildFixture.wider)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for _ in 0..<4 {
                        while try await !fixture.versions.cut(version.id, limit: 1, fence: fence).isAtEnd {}
                        while try await !fixture.versions.backfill(version.id, limit: 3, fence: fence).isAtEnd {}
                        try await fixture.versions.restartCutting(version.id, after: 0, fence: fence)
                    }
                }
                group.addTask {
                    for round in 0..<25 {
                        let uri = try fixture.base.write(
                            "\(round % 10).txt",
                            RebuildFixture.prose(round..<round + 15, "r\(round % 4)")
                        )
                        _ = try await fixture.base.request(uri)
                        for queue in [QueueName.ingestion, .embedding] {
                            while let ending = try await fixture.perform(queue) {
                                #expect(ending == "settled" || ending == "cancelled", "an ingest ended as \(ending)")
                            }
                        }
                    }
                }
                group.addTask {
                    for number in 4..<8 { _ = try await fixture.delete("\(fixture.base.folder)/\(number).txt") }
                }
                try await group.waitForAll()
            }
            try await fixture.performIngests()
            try await fixture.fill(version, fence)
            #expect(try await fixture.isWhole(first))
            #expect(try await fixture.isCovered(version))
            #expect(
                try await fixture.base.count(
                    """
                    SELECT count(*) FROM documents WHERE live_version IS NOT NULL AND (
                        SELECT count(DISTINCT chunk_set) FROM chunks WHERE document_id = documents.id
                    ) <> 2
                    """
                ) == 0
            )
        }
    }

    @Test("a version staged before the rebuild began, or before a swap, goes live in the sets of then")
    func stagedBefore() async throws {
        try await RebuildFixture.run { fixture in
            let old = RebuildFixture.prose(0..<10)
            let uri = try await fixture.ingest("a.txt", old)
            let first = try await fixture.live()
            func stageOnly(_ text: String) async throws {
                try fixture.base.write("a.txt", text)
                _ = try await fixture.base.request(uri)
                #expect(try await fixture.perform(.ingestion) == "settled")
            }
            let second = RebuildFixture.prose(20..<32)
            try await stageOnly(second)
            let (version, fence) = try await fixture.begin(RebuildFixture.wider)
            while try await !fixture.versions.cut(version.id, limit: 100, fence: fence).isAtEnd {}
            #expect(try await fixture.chunks(ofSet: 2) == fixture.expected(old, version).count)
            try await fixture.performIngests()
            for each in [first, version] {
                #expect(try await fixture.pieces(uri, each) == fixture.expected(second, each))
            }
            try await fixture.fill(version, fence)
            try await fixture.release(fence)
            try await fixture.settle()

            // Staged for both; the one that it was staged as answering is retired before its embedding ends.
            let third = RebuildFixture.prose(50..<61)
            try await stageOnly(third)
            _ = try await fixture.versions.swap(to: version.id, fence: nil)
            _ = try await fixture.versions.retire(first.id, isForced: true, fence: nil)
            try await fixture.performIngests()
            #expect(try await fixture.pieces(uri, version) == fixture.expected(third, version))
            #expect(try await fixture.chunks(ofSet: 1) == 0)
            #expect(try await fixture.isWhole(version))

            // Staged for one set, which is gone when it goes live.
            let fourth = RebuildFixture.prose(70..<83)
            try await stageOnly(fourth)
            let next = try await fixture.rebuildOnly(IndexVersionChange(chunkSize: 90, overlap: 5))
            _ = try await fixture.versions.swap(to: next.id, fence: nil)
            _ = try await fixture.versions.retire(version.id, isForced: true, fence: nil)
            try await fixture.performIngests()
            #expect(try await fixture.pieces(uri, next) == fixture.expected(fourth, next))
            #expect(try await fixture.isWhole(next))
            #expect(try await fixture.isCovered(next))
            #expect(try await fixture.chunks(ofSet: 2) == 0)
        }
    }
}

extension RebuildFixture {
    /// Lets go of a task that a test drove by hand.
    func release(_ fence: Fence) async throws {
        _ = try await base.tasks.settle(
            [Settlement(fence, .snoozed(for: .zero, reason: "by hand"))],
            worker: base.worker
        )
    }

    /// A rebuild whose embedding tasks are performed, but no others'.
    func rebuildOnly(_ change: IndexVersionChange) async throws -> IndexVersionRecord {
        let version = try await versions.create(in: .default, change, completing: nil)
        // What an ingest has under way is not to move.
        try await base.store.pool.execute(
            Statement(
                "UPDATE tasks SET run_at = now() + interval '1 hour', state = 'scheduled' WHERE kind = 'chunks.embed'"
            )
        )
        for _ in 0..<60 {
            for queue in QueueName.all { while try await perform(queue) != nil {} }
            try await base.store.pool.execute(
                Statement(
                    """
                    UPDATE tasks SET run_at = now(), state = 'available'
                    WHERE state IN ('retryable', 'scheduled') AND kind NOT IN ('index.retire', 'chunks.embed')
                    """
                )
            )
            if try await current(version).state == .ready { break }
        }
        return try await current(version)
    }
}
