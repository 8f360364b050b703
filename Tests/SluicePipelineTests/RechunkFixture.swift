import SluiceCore
import SluiceDocuments
import SluicePipeline
import SluicePostgres
import SluiceQueue
import SluiceSearch
import SluiceStore

/// Rebuilds with another chunker, and what the sets hold.
extension RebuildFixture {
    /// Twice the size of the fixture's own chunks, with an overlap.
    static let wider = IndexVersionChange(chunkSize: 120, overlap: 20)

    struct Piece: Sendable, Hashable {
        let text: String
        let from: Int
        let to: Int
    }

    /// What a version has of a document, in its order: chunks of its set with exactly their own vector.
    func pieces(_ uri: String, _ version: IndexVersionRecord) async throws -> [Piece] {
        try await base.store.pool.query(
            Statement(
                """
                SELECT text, char_from, char_to FROM chunks JOIN documents ON documents.id = document_id
                JOIN embeddings_g\(version.id) AS held ON held.chunk_id = chunks.id AND held.content_hash = chunks.content_hash
                WHERE uri = $1 AND chunk_set = $2 ORDER BY ordinal, chunks.id
                """,
                [.text(uri), .int4(version.chunkSet)]
            ) { row throws(PostgresError) in
                Piece(text: try row.text(0), from: try row.int32(1), to: try row.int32(2))
            }
        )
    }

    /// The chunker's own answer, of a version's.
    func expected(_ text: String, _ version: IndexVersionRecord) -> [Piece] {
        let metadata = DocumentMetadata(mediaType: "text/plain", pageCount: 0)
        let whole = ExtractedText(text: text, pageStarts: [], metadata: metadata)
        return Chunker(fingerprint: version.spec.chunkerFingerprint)?.chunk(whole)
            .map { Piece(text: $0.text, from: $0.charFrom, to: $0.charTo) } ?? []
    }

    var searcher: Searcher {
        Searcher(
            pool: base.store.pool,
            embedders: [pipeline.embedder, pipeline.candidateEmbedder].compactMap(\.self)
        )
    }

    /// Which sets' chunks answer a question of a version, in each mode.
    func sets(answering text: String, version: Int?) async throws -> Set<Int> {
        var found: Set<Int> = []
        for mode in [SearchMode.dense, .bm25, .hybrid] {
            let result = try await searcher.search(SearchRequest(text: text, version: version, count: 50, mode: mode))
            if result.hits.isEmpty { found.insert(0) }
            let sets = try await base.store.pool.query(
                Statement(
                    "SELECT DISTINCT chunk_set FROM chunks WHERE id = ANY ($1::int8[])",
                    [.int8Array(result.hits.map(\.chunk.rawValue))]
                ) { row throws(PostgresError) in try row.int32(0) }
            )
            found.formUnion(sets)
        }
        return found
    }

    /// Whether the gates find that nothing of any tenant's text is missing from a version's set.
    func isCovered(_ version: IndexVersionRecord) async throws -> Bool {
        let gates = PostgresGateStore(base.store)
        guard let subject = try await gates.subject(version.id, against: nil) else { return false }
        let facts = try await gates.structure(subject)
        return facts.vectors > 0 && facts.tenants.allSatisfy { $0.covered == $0.chunks }
    }

    func chunks(ofSet set: Int) async throws -> Int {
        try await base.count("SELECT count(*) FROM chunks WHERE chunk_set = \(set)")
    }

    /// Ingests and embeds, without a step of a rebuild.
    func performIngests() async throws {
        for _ in 0..<4 {
            for queue in [QueueName.ingestion, .embedding] { while try await perform(queue) != nil {} }
            try await wake()
        }
    }

    /// A version that is being built, and the fence of the task that drives it.
    func begin(_ change: IndexVersionChange) async throws -> (version: IndexVersionRecord, fence: Fence) {
        let version = try await versions.create(in: .default, change, completing: nil)
        var driver: ClaimedTask?
        while driver?.kind != RebuildIndexInput.kind {
            driver = try await base.tasks.claimNext(queue: .maintenance, limit: 1, worker: base.worker).first
            if driver == nil { throw PipelineFixture.NotWritten() }
        }
        guard let fence = driver?.fence else { throw PipelineFixture.NotWritten() }
        _ = try await versions.advance(version.id, .began, IndexVersionFacts(), reason: nil, fence: fence)
        return (try await current(version), fence)
    }

    /// Passes of cutting and copying until nothing is missing, with the tasks that bring vectors.
    func fill(_ version: IndexVersionRecord, _ fence: Fence) async throws {
        for _ in 0..<20 {
            while try await !versions.cut(version.id, limit: 100, fence: fence).isAtEnd {}
            while try await !versions.backfill(version.id, limit: 100, fence: fence).isAtEnd {}
            try await performIngests()
            let gaps = try await versions.gaps(version.id)
            if gaps.isWhole { return }
            try await versions.restartCutting(version.id, after: 0, fence: fence)
            try await versions.restartBackfill(version.id, after: 0, fence: fence)
        }
        throw PipelineFixture.NotWritten()
    }

    /// Performs everything that is due, erasures too, with the handlers of index versions.
    func drain() async throws {
        let whole = PipelineFixture(
            store: base.store,
            tasks: base.tasks,
            documents: base.documents,
            index: base.index,
            pipeline: pipeline,
            reader: base.reader,
            embedder: base.embedder,
            worker: base.worker,
            folder: base.folder
        )
        try await whole.drain()
    }
}
