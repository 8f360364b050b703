import FoundationEssentials
import SluiceCore
import SluiceDocuments
import SluiceInference
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceSystem

/// Documents staged and embedded straight through the store, as the handlers do it but with chunks given by the test.
struct DocumentsFixture: Sendable {
    let store: Store
    let tasks: PostgresTaskStore
    let documents: PostgresDocumentStore
    let indexes: PostgresIndexStore
    let index: IndexSnapshot
    let embedder: DeterministicEmbedder
    let worker: WorkerID

    var model: ModelIdentity {
        ModelIdentity(fingerprint: embedder.model.fingerprint, dimension: embedder.model.dimension)
    }

    static func run(dimension: Int = 32, _ body: (DocumentsFixture) async throws -> Void) async throws {
        try await withTestStore { store in
            let embedder = DeterministicEmbedder(dimension: dimension)
            let indexes = PostgresIndexStore(store) { _ in }
            let tasks = PostgresTaskStore(store)
            let index = try await indexes.ensureIndex(
                .default,
                model: ModelIdentity(fingerprint: embedder.model.fingerprint, dimension: dimension),
                chunkerFingerprint: "test"
            )
            let fixture = DocumentsFixture(
                store: store,
                tasks: tasks,
                documents: PostgresDocumentStore(store) { _ in },
                indexes: indexes,
                index: index,
                embedder: embedder,
                worker: try await register(tasks)
            )
            try await body(fixture)
        }
    }

    static func register(_ tasks: PostgresTaskStore) async throws -> WorkerID {
        let id = WorkerID.random()
        try await tasks.register(
            WorkerRegistration(
                id: id,
                role: .worker,
                host: "test",
                pid: 1,
                version: "0",
                queues: QueueName.all,
                concurrency: 4,
                leaseLength: .seconds(300)
            )
        )
        return id
    }

    // MARK: - Steps

    func request(_ uris: [String], tenant: TenantID = .default) async throws -> IngestReceipt {
        try await documents.requestIngest(of: uris, tenant: tenant, index: index, label: "test")
    }

    /// The next task of a queue, claimed; nil when there is none.
    func claim(_ queue: QueueName) async throws -> ClaimedTask? {
        try await tasks.claimNext(queue: queue, limit: 1, worker: worker).first
    }

    func document(of task: ClaimedTask) async throws -> DocumentSnapshot? {
        let input = try JSONDecoder().decode(IngestDocumentInput.self, from: Data(task.payload.utf8))
        guard let document = input.document else { return nil }
        return try await documents.document(DocumentID(rawValue: document), tenant: task.tenant)
    }

    /// Chunks of these texts, one after the other with a space between, ten to a page.
    static func drafts(_ texts: [String], from start: Int = 0) -> [ChunkDraft] {
        var offset = start
        return texts.enumerated().map { ordinal, text in
            defer { offset += text.unicodeScalars.count + 1 }
            return ChunkDraft(
                ordinal: ordinal,
                text: text,
                charFrom: offset,
                charTo: offset + text.unicodeScalars.count,
                pageFrom: ordinal / 10 + 1,
                pageTo: ordinal / 10 + 1,
                headingPath: ["Part \(ordinal / 10)"],
                contentHash: SHA256Digest(ofText: text)
            )
        }
    }

    func version(
        _ texts: [String],
        of document: DocumentSnapshot,
        batch: BatchID? = nil
    ) -> StagedVersion {
        let whole = texts.joined(separator: " ")
        return StagedVersion(
            document: document.id,
            tenant: document.tenant,
            contentHash: SHA256Digest(ofText: whole),
            byteCount: whole.utf8.count,
            fingerprint: "test",
            model: model,
            metadata: DocumentMetadata(title: "A title", mediaType: "text/plain", pageCount: (texts.count + 9) / 10),
            characterCount: whole.unicodeScalars.count,
            chunks: Self.drafts(texts),
            chunkSet: document.index.chunkSet,
            text: nil,
            batch: batch,
            request: document.request
        )
    }

    struct NoTask: Error {}

    /// Asks for a document, claims its task and stages these texts.
    @discardableResult
    func stage(
        _ uri: String,
        _ texts: [String],
        tenant: TenantID = .default,
        window: Int = 256
    ) async throws -> StageReport {
        _ = try await request([uri], tenant: tenant)
        guard let task = try await claim(.ingestion), let document = try await document(of: task) else {
            throw NoTask()
        }
        return try await documents.stage(
            version(texts, of: document, batch: task.batch),
            window: window,
            fence: task.fence
        )
    }

    /// What a claimed `chunks.embed` task would store, and how many texts that embedded.
    func embedding(of task: ClaimedTask) async throws -> EmbeddingResult {
        let input = try JSONDecoder().decode(EmbedChunksInput.self, from: Data(task.payload.utf8))
        let version = DocumentVersionID(rawValue: input.version)
        let ordinals = input.first...input.last
        let chunks = try await documents.chunksToEmbed(version, ordinals: ordinals, tenant: task.tenant)
        let texts = Dictionary(chunks.map { ($0.draft.contentHash, $0.draft.text) }) { first, _ in first }
        let order = Array(texts)
        let matrix = try await embedder.embed(order.map(\.value))
        var vectors: [SHA256Digest: [Float]] = [:]
        for (row, entry) in order.enumerated() { vectors[entry.key] = Array(matrix[row]) }
        return EmbeddingResult(
            version: version,
            tenant: task.tenant,
            ordinals: ordinals,
            model: model,
            vectors: vectors,
            resplit: [:]
        )
    }

    /// Runs all `chunks.embed` tasks. Returns how many texts were embedded.
    @discardableResult
    func embedAll() async throws -> Int {
        var embedded = 0
        while let task = try await claim(.embedding) {
            let result = try await embedding(of: task)
            embedded += result.vectors.count
            _ = try await documents.finishEmbedding(result, fence: task.fence)
        }
        return embedded
    }

    @discardableResult
    func ingest(_ uri: String, _ texts: [String], tenant: TenantID = .default) async throws -> StageReport {
        let report = try await stage(uri, texts, tenant: tenant)
        try await embedAll()
        return report
    }
}
