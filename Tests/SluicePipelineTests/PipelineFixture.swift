import Glibc
import SluiceCore
import SluiceDocuments
import SluiceInference
import SluicePipeline
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceSystem

/// The product's handlers on the real store, one task after the other, with files of the test's.
struct PipelineFixture: Sendable {
    let store: Store
    let tasks: PostgresTaskStore
    let documents: PostgresDocumentStore
    let index: IndexSnapshot
    let pipeline: Pipeline
    let reader: PlainReader
    let embedder: CountingEmbedder
    let worker: WorkerID
    let folder: String

    static func run(
        maxTokens: Int = 256,
        window: Int = 256,
        chunkSize: Int = 60,
        dimension: Int = 16,
        _ body: (PipelineFixture) async throws -> Void
    ) async throws {
        let folder = "/tmp/sluice-pipeline-" + WorkerID.random().description
        mkdir(folder, 0o700)
        defer { try? Self.remove(folder) }
        try await withTestStore { store in
            let embedder = CountingEmbedder(maxTokens: maxTokens, dimension: dimension)
            let model = ModelIdentity(fingerprint: embedder.model.fingerprint, dimension: embedder.model.dimension)
            let chunker = Chunker(configuration: try SplitterConfiguration(chunkSize: chunkSize, overlap: 0))
            let indexes = PostgresIndexStore(store) { _ in }
            let documents = PostgresDocumentStore(store) { _ in }
            let index = try await indexes.ensureIndex(.default, model: model, chunkerFingerprint: chunker.fingerprint)
            let reader = PlainReader()
            let tasks = PostgresTaskStore(store)
            let worker = WorkerID.random()
            try await tasks.register(
                WorkerRegistration(
                    id: worker,
                    role: .worker,
                    host: "test",
                    pid: 1,
                    version: "0",
                    queues: QueueName.all,
                    concurrency: 1,
                    leaseLength: .seconds(300)
                )
            )
            let pipeline = Pipeline(
                documents: documents,
                indexes: indexes,
                chunker: chunker,
                model: model,
                extractor: reader,
                embedder: embedder,
                limits: ExtractionLimits(maxBytes: 100_000),
                embedWindow: window
            )
            try await body(
                PipelineFixture(
                    store: store,
                    tasks: tasks,
                    documents: documents,
                    index: index,
                    pipeline: pipeline,
                    reader: reader,
                    embedder: embedder,
                    worker: worker,
                    folder: folder
                )
            )
        }
    }

    // MARK: - Files

    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        let path = "\(folder)/\(name)"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw NotWritten() }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else { throw NotWritten() }
        return "file://" + path
    }

    struct NotWritten: Error {}

    private static func remove(_ folder: String) throws {
        guard let directory = opendir(folder) else { return }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." && unlink("\(folder)/\(name)") != 0 { rmdir("\(folder)/\(name)") }
        }
        rmdir(folder)
    }

    // MARK: - Work

    /// Asks for documents, without doing anything yet.
    func request(_ uris: String...) async throws -> BatchID {
        try await documents.requestIngest(of: uris, tenant: .default, index: index, label: "test").batch
    }

    /// Performs the next task of a queue, if there is one, and settles it as a worker does. Returns how it ended.
    @discardableResult
    func performNext(_ queue: QueueName, pipeline other: Pipeline? = nil) async throws -> String? {
        guard let task = try await tasks.claimNext(queue: queue, limit: 1, worker: worker).first else { return nil }
        var registry = HandlerRegistry()
        registry.registerPipeline(other ?? pipeline, queues: QueueName.all)
        guard let handler = registry.handler(for: task.kind) else { throw NotWritten() }
        let ending: Result<AttemptOutcome, any Error>
        do {
            ending = .success(try await handler.perform(task, AttemptContext(task: task, logger: TestServers.quiet)))
        } catch {
            ending = .failure(error)
        }
        var random = SystemRandomNumberGenerator()
        let verdict = VerdictPolicy(retry: handler.retry).verdict(of: ending, stopped: nil, task: task, using: &random)
        if let verdict { _ = try await tasks.settle([Settlement(task.fence, verdict)], worker: worker) }
        return verdict.map { "\($0)".prefix { $0 != "(" } }.map(String.init) ?? "settled"
    }

    /// Performs tasks until none is left, retries at once.
    func performAll() async throws {
        while true {
            var isIdle = true
            for queue in QueueName.all { while try await performNext(queue) != nil { isIdle = false } }
            // Waiting for a retry's time is not what these tests are about.
            _ = try await store.pool.execute(Statement("UPDATE tasks SET run_at = now() WHERE state = 'retryable'"))
            if try await tasks.promoteDue(limit: 100).isEmpty && isIdle { return }
        }
    }

    /// Requests, performs everything, and gives the results.
    func ingest(_ uris: String...) async throws -> IngestState {
        let batch = try await documents.requestIngest(of: uris, tenant: .default, index: index, label: "test").batch
        try await performAll()
        return try await documents.ingestState(batch, tenant: .default)
    }

    // MARK: - Facts

    func document(_ uri: String) async throws -> DocumentRecord? {
        try await store.documents(named: uri, tenant: .default).first
    }

    func deadLetters() async throws -> [DeadLetter] { try await store.deadLetters(DeadLetterFilter(), limit: 100) }

    /// What answers for a document, in order; only chunks with exactly one vector, of their own text.
    func liveChunks(_ uri: String) async throws -> [ChunkDraft] {
        try await store.pool.query(
            Statement(
                """
                SELECT ordinal, text, char_from, char_to, heading_path, chunks.content_hash
                FROM chunks JOIN documents ON documents.id = document_id
                JOIN embeddings_g\(index.liveVersion) AS e ON e.chunk_id = chunks.id AND e.content_hash = chunks.content_hash
                WHERE uri = $1 ORDER BY ordinal
                """,
                [.text(uri)]
            ) { row throws(PostgresError) in
                guard let hash = SHA256Digest(bytes: try row.bytes(5)) else { throw PostgresError(.undecodableColumn) }
                return ChunkDraft(
                    ordinal: try row.int32(0),
                    text: try row.text(1),
                    charFrom: try row.int32(2),
                    charTo: try row.int32(3),
                    pageFrom: nil,
                    pageTo: nil,
                    headingPath: try row.textArray(4),
                    contentHash: hash
                )
            }
        )
    }

    /// The chunker's own answer.
    func chunks(of text: String) -> [ChunkDraft] {
        let metadata = DocumentMetadata(mediaType: MediaType.plainText, pageCount: 0)
        return pipeline.chunker.chunk(ExtractedText(text: text, pageStarts: [], metadata: metadata))
    }

    func count(_ sql: String) async throws -> Int {
        try await store.pool.query(Statement(sql) { row throws(PostgresError) in Int(try row.int64(0)) }).first ?? -1
    }
}
