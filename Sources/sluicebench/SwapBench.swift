internal import ArgumentParser
internal import Logging
internal import SluiceCore
internal import SluiceDocuments
internal import SluicePipeline
internal import SluicePostgres
internal import SluiceQueue
internal import SluiceSearch
internal import SluiceService
internal import SluiceStore
internal import SluiceSystem
internal import Synchronization

struct Swap: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "A rebuild with the same model, then swaps and rollbacks under searches: who waits, for how long.",
        discussion: """
            Loads clustered vectors, builds the HNSW index, rebuilds it beside the live version with the task that the fleet runs
            (without gates), and swaps the two to and fro.
            """
    )

    @Option(name: .long, help: "Vectors.") var count = 20_000
    @Option(name: .long, help: "Numbers of each.") var dimension = 384
    @Option(name: .long, help: "Swaps and rollbacks.") var swaps = 40
    @Option(name: .long, help: "Searches at the same time.") var readers = 2
    @OptionGroup var output: BenchOutput

    func validate() throws {
        guard count >= 2_000, (8...4_000).contains(dimension), swaps >= 2, readers >= 1 else {
            throw ValidationError("--count is 2000 at least, --dimension 8 to 4000, --swaps 2 and --readers 1 at least")
        }
    }

    func run() async throws {
        Environment.ignoreBrokenPipes()
        try await BenchSchema.run { settings in
            let bench = SwapBench(
                settings: settings,
                count: count,
                dimension: dimension,
                swaps: swaps,
                readers: readers
            )
            try output.print(try await bench.run())
        }
    }
}

struct SwapBench {
    struct Result: Encodable {
        let vectors: Int
        let rebuild_seconds: Double
        /// Vectors that a model had to make for the rebuild: tasks that were enqueued for that.
        let rebuild_model_calls: Int
        /// Searches while nothing is swapped; while both versions are counted again and again, as before a rollback, which takes a core; and
        /// while they are swapped without a pause.
        let search_ms_p50: Double
        let search_ms_max: Double
        let counting_ms_p50: Double
        let counting_ms_p99: Double
        let counting_ms_max: Double
        let swapping_ms_p50: Double
        let swapping_ms_p99: Double
        let swapping_ms_max: Double
        let searches: Int
        let errors: Int
        /// The longest that a search was seen waiting for a lock while versions were swapped, looked at every two milliseconds.
        let blocked_ms_max: Double
        /// For so long an ingest that wants to go live waits at most: the lock, and the wait for it.
        let held_ms_p50: Double
        let held_ms_max: Double
        /// All of it, with the counting before.
        let rollback_ms_p50: Double
        let rollback_ms_max: Double
        /// Chunks without a vector and vectors without a chunk in either version, at the end.
        let lost: Int
    }

    /// The gates are not what is measured here.
    private struct OpenGates: IndexGates {
        func judge(_ version: IndexVersionID) async throws -> GateVerdict { .go }
    }

    private final class Seen: Sendable {
        let isOver = Mutex(false)
        let milliseconds = Mutex<[Double]>([])
        let errors = Mutex(0)
    }

    let settings: Settings
    let count: Int
    let dimension: Int
    let swaps: Int
    let readers: Int

    func run() async throws -> Result {
        let store = settings.makeStore(
            "sluicebench",
            poolSize: 4,
            logger: .line("sluicebench", level: "error")
        )
        defer { store.close() }
        let model = ModelIdentity(fingerprint: "synthetic", dimension: dimension)
        let chunker = try settings.makeChunker()
        let indexes = PostgresIndexStore(store) { _ in }
        let index = try await indexes.ensureIndex(.default, model: model, chunkerFingerprint: chunker.fingerprint)
        let corpus = VectorsCorpus(
            store: store,
            index: index,
            vectors: SyntheticVectors(dimension: dimension, clusters: max(20, count / 500), seed: 1),
            count: count
        )
        try await corpus.load()
        _ = try await indexes.buildHNSW(index.liveVersion)
        let versions = PostgresIndexVersions(store, evidence: { _, _ in .fresh }) { _ in }
        var pipeline = Pipeline(
            documents: PostgresDocumentStore(store) { _ in },
            indexes: indexes,
            chunker: chunker,
            model: model,
            versions: versions,
            gates: OpenGates()
        )
        pipeline.rebuildShare = 1
        let (old, new, seconds, calls) = try await rebuild(store, versions, pipeline)

        let asking = settings.makeStore(
            "sluicebench-search",
            poolSize: readers,
            logger: .line("sluicebench", level: "error")
        )
        defer { asking.close() }
        let before = try await searches(corpus, asking, pause: .seconds(5)) {}
        let counting = try await searches(corpus, asking, pause: .zero) {
            for round in 0..<swaps { _ = try await versions.gaps(round.isMultiple(of: 2) ? new : old) }
        }
        let watch = LockWatch(store)
        let reports = Mutex<[(held: Double, all: Double)]>([])
        async let blocked = watch.longest(of: "sluicebench-search")
        let during = try await searches(corpus, asking, pause: .zero) {
            for round in 0..<swaps {
                let start = ContinuousClock.now
                let report = try await versions.swap(to: round.isMultiple(of: 2) ? new : old, fence: nil)
                let all = start.elapsed.inSeconds * 1_000
                reports.withLock { $0.append((report.held.inSeconds * 1_000, all)) }
            }
        }
        watch.end()
        let blockedMost = try await blocked
        var lost = 0
        for version in [old, new] {
            let gaps = try await versions.gaps(version)
            lost += gaps.missing + gaps.surplus
        }
        // The first one is a swap; all others go back to what has answered before.
        let held = reports.withLock { $0.map(\.held).sorted() }
        let rollbacks = reports.withLock { $0.dropFirst().map(\.all).sorted() }
        return Result(
            vectors: count,
            rebuild_seconds: seconds,
            rebuild_model_calls: calls,
            search_ms_p50: quantile(before.milliseconds, 0.5),
            search_ms_max: before.milliseconds.last ?? .nan,
            counting_ms_p50: quantile(counting.milliseconds, 0.5),
            counting_ms_p99: quantile(counting.milliseconds, 0.99),
            counting_ms_max: counting.milliseconds.last ?? .nan,
            swapping_ms_p50: quantile(during.milliseconds, 0.5),
            swapping_ms_p99: quantile(during.milliseconds, 0.99),
            swapping_ms_max: during.milliseconds.last ?? .nan,
            searches: during.milliseconds.count,
            errors: during.errors,
            blocked_ms_max: blockedMost,
            held_ms_p50: quantile(held, 0.5),
            held_ms_max: held.last ?? .nan,
            rollback_ms_p50: quantile(rollbacks, 0.5),
            rollback_ms_max: rollbacks.last ?? .nan,
            lost: lost
        )
    }

    /// Performs the tasks of a rebuild as a worker would.
    private func rebuild(
        _ store: Store,
        _ versions: PostgresIndexVersions,
        _ pipeline: Pipeline
    ) async throws -> (old: IndexVersionID, new: IndexVersionID, seconds: Double, calls: Int) {
        let tasks = PostgresTaskStore(store)
        let worker = WorkerID.random()
        try await tasks.register(
            WorkerRegistration(
                id: worker,
                role: .worker,
                host: Environment.hostName(),
                pid: Environment.processID(),
                version: Version.text,
                queues: [.maintenance],
                concurrency: 1,
                leaseLength: .seconds(3_600)
            )
        )
        var registry = HandlerRegistry()
        registry.registerPipeline(pipeline, queues: [.maintenance])
        let start = ContinuousClock.now
        let made = try await versions.create(in: .default, IndexVersionChange(), completing: nil)
        while true {
            guard let version = try await versions.version(made.id) else { throw BenchFailure("the version went") }
            if version.state == .ready { break }
            if version.state.isFinal || version.state == .failed {
                throw BenchFailure("the rebuild ended as \(version.state): \(version.problem ?? "")")
            }
            _ = try await tasks.promoteDue(limit: 10)
            let claimed = try await tasks.claimNext(queue: .maintenance, limit: 1, worker: worker)
            if claimed.isEmpty { try await Task.sleep(for: .milliseconds(20)) }
            for task in claimed {
                guard let handler = registry.handler(for: task.kind) else { continue }
                let outcome = try await handler.perform(
                    task,
                    AttemptContext(task: task, logger: .line("sluicebench", level: "error"))
                )
                var random = SystemRandomNumberGenerator()
                let verdict = VerdictPolicy(retry: handler.retry)
                    .verdict(of: .success(outcome), stopped: nil, task: task, using: &random)
                if let verdict { _ = try await tasks.settle([Settlement(task.fence, verdict)], worker: worker) }
            }
        }
        let seconds = start.elapsed.inSeconds
        let all = try await versions.versions(of: .default)
        guard let live = all.first(where: { $0.state == .live }), let done = try await versions.version(made.id) else {
            throw BenchFailure("no version is live")
        }
        return (live.id, made.id, seconds, done.embedded + (try await versions.outstanding(made.id)).pending)
    }

    /// Searches without a pause while `body` runs, and for `pause` after it.
    private func searches(
        _ corpus: VectorsCorpus,
        _ asking: Store,
        pause: Duration,
        _ body: () async throws -> Void
    ) async throws -> (milliseconds: [Double], errors: Int) {
        let searcher = Searcher(pool: asking.pool, embedders: [])
        let tenant = corpus.tenants[0]
        let seen = Seen()
        @Sendable func read(_ number: Int) async {
            var random = FastRandom(seed: UInt64(number) + 1)
            while !seen.isOver.withLock({ $0 }) {
                let chunk = Int(random.next() % UInt64(tenant.chunks))
                var request = SearchRequest(text: "any", tenant: tenant.id, mode: .dense)
                request.vector = corpus.vectors.vector(near: corpus.cluster(of: chunk), &random)
                let start = ContinuousClock.now
                let count = try? await searcher.search(request).hits.count
                let cost = start.elapsed.inSeconds * 1_000
                seen.milliseconds.withLock { $0.append(cost) }
                if count != 10 { seen.errors.withLock { $0 += 1 } }
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for reader in 0..<readers {
                group.addTask { await read(reader) }
            }
            defer { seen.isOver.withLock { $0 = true } }
            try await body()
            try await Task.sleep(for: pause)
            seen.isOver.withLock { $0 = true }
            try await group.waitForAll()
        }
        return (seen.milliseconds.withLock { $0.sorted() }, seen.errors.withLock { $0 })
    }
}
