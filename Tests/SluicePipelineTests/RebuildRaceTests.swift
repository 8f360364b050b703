import SluiceCore
import SluiceDocuments
import SluicePipeline
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("A rebuild while the corpus changes", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(4)))
struct RebuildRaceTests {
    /// A version that is being built, and the fence of the task that drives it.
    private func begin(_ fixture: RebuildFixture) async throws -> (version: IndexVersionRecord, fence: Fence) {
        let version = try await fixture.versions.create(in: .default, IndexVersionChange(), completing: nil)
        var driver: ClaimedTask?
        while driver?.kind != RebuildIndexInput.kind {
            driver = try await fixture.base.tasks.claimNext(
                queue: .maintenance,
                limit: 1,
                worker: fixture.base.worker
            ).first
            if driver == nil { throw PipelineFixture.NotWritten() }
        }
        guard let fence = driver?.fence else { throw PipelineFixture.NotWritten() }
        _ = try await fixture.versions.advance(version.id, .began, IndexVersionFacts(), reason: nil, fence: fence)
        return (version, fence)
    }

    private func performIngests(_ fixture: RebuildFixture) async throws {
        for _ in 0..<3 {
            for queue in [QueueName.ingestion, .embedding] { while try await fixture.perform(queue) != nil {} }
            try await fixture.wake()
        }
    }

    @Test(
        "ingests, updates and deletes in any order between its steps: whole at the end of one pass, and nothing comes back",
        arguments: 0..<6 as Range<UInt64>
    )
    func steps(seed: UInt64) async throws {
        try await RebuildFixture.run { fixture in
            var random = SluiceTestKit.SeededGenerator(seed: seed)
            var names: [String: String] = [:]
            for number in 0..<6 {
                let name = "\(number).txt"
                names[name] = try await fixture.ingest(name, RebuildFixture.prose(0..<12, "w\(number)"))
            }
            let (version, fence) = try await begin(fixture)
            var deleted: [Int64] = []
            var next = 6
            var isAtEnd = false
            while !isAtEnd {
                switch Int.random(in: 0..<5, using: &random) {
                case 0:
                    let name = "\(next).txt"
                    next += 1
                    names[name] = try fixture.base.write(name, RebuildFixture.prose(0..<6, "n\(next)"))
                    if let uri = names[name] { _ = try await fixture.base.request(uri) }
                    try await performIngests(fixture)
                case 1:
                    guard let (name, uri) = names.randomElement(using: &random) else { continue }
                    let start = Int.random(in: 0..<8, using: &random)
                    try fixture.base.write(name, RebuildFixture.prose(start..<start + 9, "u\(start)"))
                    _ = try await fixture.base.request(uri)
                    try await performIngests(fixture)
                case 2:
                    guard let (name, uri) = names.randomElement(using: &random) else { continue }
                    names[name] = nil
                    deleted += try await fixture.delete(uri)
                default:
                    isAtEnd = try await fixture.versions.backfill(
                        version.id,
                        limit: Int.random(in: 1...9, using: &random),
                        fence: fence
                    ).isAtEnd
                }
            }
            let gaps = try await fixture.versions.gaps(version.id)
            #expect(gaps.isWhole, "\(gaps)")
            #expect(
                try await fixture.base.store.pool.query(
                    Statement(
                        "SELECT count(*) FROM embeddings_g\(version.id) WHERE chunk_id = ANY ($1::int8[])",
                        [.int8Array(deleted)]
                    ) { row throws(PostgresError) in try row.int64(0) }
                ) == [0]
            )
        }
    }

    @Test("at the same time, without an ingest failing or waiting for long")
    func concurrently() async throws {
        try await RebuildFixture.run { fixture in
            for number in 0..<8 {
                _ = try await fixture.ingest("\(number).txt", RebuildFixture.prose(0..<25, "w\(number)"))
            }
            let (version, fence) = try await begin(fixture)
            let gone = try await withThrowingTaskGroup(of: [Int64].self) { group in
                group.addTask {
                    while try await !fixture.versions.backfill(version.id, limit: 2, fence: fence).isAtEnd {}
                    return []
                }
                group.addTask {
                    for round in 0..<25 {
                        let name = "\(round % 10).txt"
                        let uri = try fixture.base.write(
                            name,
                            RebuildFixture.prose(round..<round + 15, "r\(round % 4)")
                        )
                        _ = try await fixture.base.request(uri)
                        for queue in [QueueName.ingestion, .embedding] {
                            while let ending = try await fixture.perform(queue) {
                                #expect(ending == "settled" || ending == "cancelled", "an ingest ended as \(ending)")
                            }
                        }
                    }
                    return []
                }
                group.addTask {
                    var gone: [Int64] = []
                    for number in 4..<8 { gone += try await fixture.delete("\(fixture.base.folder)/\(number).txt") }
                    return gone
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(try await fixture.isWhole(version))
            #expect(try await fixture.isWhole(fixture.live()))
            let back = try await fixture.base.store.pool.query(
                Statement(
                    "SELECT count(*) FROM embeddings_g\(version.id) WHERE chunk_id = ANY ($1::int8[])",
                    [.int8Array(gone)]
                ) { row throws(PostgresError) in try row.int64(0) }
            )
            #expect(back == [0])
        }
    }

    @Test("an aborted version takes no further step, whoever still drives it")
    func aborted() async throws {
        try await RebuildFixture.run { fixture in
            _ = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<10))
            let (version, fence) = try await begin(fixture)
            _ = try await fixture.versions.advance(version.id, .aborted, IndexVersionFacts(), reason: nil, fence: nil)
            await #expect(throws: IndexRefusal.moved) {
                try await fixture.versions.backfill(version.id, limit: 10, fence: fence)
            }
            await #expect(throws: StaleLease.self) {
                let stale = Fence(task: fence.task, token: LeaseToken(rawValue: fence.token.rawValue + 1))
                _ = try await fixture.versions.backfill(version.id, limit: 10, fence: stale)
            }
        }
    }

    @Test("vectors of no chunk, and of another text, are found, swept and made anew")
    func surplus() async throws {
        try await RebuildFixture.run { fixture in
            _ = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<20))
            let (version, fence) = try await begin(fixture)
            while try await !fixture.versions.backfill(version.id, limit: 100, fence: fence).isAtEnd {}
            try await fixture.base.store.pool.execute(
                Statement("UPDATE embeddings_g\(version.id) SET content_hash = '\\x00' WHERE chunk_id % 2 = 0")
            )
            let wrong = try await fixture.versions.gaps(version.id)
            #expect(wrong.surplus > 0 && wrong.missing == wrong.surplus && !wrong.isWhole)
            #expect(try await fixture.versions.sweep(version.id, fence: fence) == wrong.surplus)
            let first = try #require(wrong.firstMissing)
            try await fixture.versions.restartBackfill(version.id, after: first - 1, fence: fence)
            while try await !fixture.versions.backfill(version.id, limit: 100, fence: fence).isAtEnd {}
            #expect(try await fixture.isWhole(version))
            #expect(try await fixture.current(version).passes == 1)
        }
    }
}

extension RebuildFixture {
    /// Removes a document and all that hangs on it, as an erasure does. Returns the ids of its chunks.
    func delete(_ uri: String) async throws -> [Int64] {
        let uri = uri.hasPrefix("file://") ? uri : "file://" + uri
        return try await base.store.pool.transaction { transaction in
            let chunks = try await transaction.query(
                Statement(
                    """
                    SELECT chunks.id FROM chunks JOIN documents ON documents.id = document_id WHERE uri = $1
                    FOR UPDATE OF documents
                    """,
                    [.text(uri)]
                ) { row throws(PostgresError) in try row.int64(0) }
            )
            try await transaction.execute(Statement("DELETE FROM documents WHERE uri = $1", [.text(uri)]))
            return chunks
        }
    }
}
