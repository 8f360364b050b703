internal import ArgumentParser
internal import Logging
internal import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres
internal import SluiceSearch
internal import SluiceService
internal import SluiceStore
internal import SluiceSystem

struct Vectors: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Building and asking an index of many synthetic vectors, with and without filters.",
        discussion: """
            Loads clustered vectors of four tenants (70, 20 and 10 %, and one of 100 chunks), builds the HNSW index, and measures dense
            and hybrid top-10 with filters of 1, 2, 10 and 50 % selectivity, and for somebody whose access is
            looked at: latency, and recall against comparing all.
            """
    )

    @Option(name: .long, help: "Vectors.") var count = 20_000
    @Option(name: .long, help: "Numbers of each.") var dimension = 384
    @Option(name: .long, help: "Questions of each measurement.") var queries = 200
    @Option(name: .long, help: "Of these also answered by comparing all.") var recallQueries = 100
    @Option(
        name: .long,
        help: "The schema that an earlier run with --keep and the same numbers left: nothing is loaded."
    )
    var on: String?
    @Flag(name: .long, help: "Leave the schema for --on.") var keep = false
    @OptionGroup var output: BenchOutput

    func validate() throws {
        guard count >= 2_000, (8...4_000).contains(dimension), queries > 0, recallQueries >= 0 else {
            throw ValidationError("--count is 2000 at least, --dimension 8 to 4000, --queries 1 at least")
        }
    }

    func run() async throws {
        Environment.ignoreBrokenPipes()
        try await BenchSchema.run(on: on, keeps: keep) { settings in
            let bench = VectorsBench(
                settings: settings,
                count: count,
                dimension: dimension,
                isLoaded: on != nil,
                queries: queries,
                compared: min(recallQueries, queries)
            )
            try output.print(try await bench.run())
        }
    }
}

struct VectorsBench {
    struct Result: Encodable {
        struct Measure: Encodable {
            let tenant: String
            let chunks: Int
            let mode: String
            /// Which part of the tenant's chunks may answer.
            let selectivity: Double
            /// Whether it is asked for somebody, of whom each document is asked whether they may find it; all may.
            let access: Bool
            let p50_ms: Double
            let p95_ms: Double
            /// Which part of the ten that comparing all gives was found.
            let recall10: Double
            /// Answers for which the HNSW index was not asked, or gave up.
            let exact: Double
            let fell_back: Double
        }

        let vectors: Int
        let dimension: Int
        /// Nil for what was loaded before.
        let load_seconds: Double?
        let build_seconds: Double?
        let table_mb: Double
        let hnsw_mb: Double
        let measures: [Measure]
    }

    let settings: Settings
    let count: Int
    let dimension: Int
    let isLoaded: Bool
    let queries: Int
    let compared: Int

    private static let filters: [(selectivity: Double, filter: Filter?)] = [
        (1, nil), (0.5, .field("part", .range(.init(below: .integer(50))))), (0.1, .tagsAny(["tenth"])),
        (0.02, .field("part", .among([.integer(7), .integer(8)]))), (0.01, .field("part", .among([.integer(7)]))),
    ]

    func run() async throws -> Result {
        let store = settings.makeStore("sluicebench", poolSize: 2, logger: Logger.line("sluicebench", level: "error"))
        defer { store.close() }
        let indexes = PostgresIndexStore(store) { _ in }
        let index = try await indexes.ensureIndex(
            .default,
            model: ModelIdentity(fingerprint: "synthetic", dimension: dimension),
            chunkerFingerprint: "synthetic"
        )
        let corpus = VectorsCorpus(
            store: store,
            index: index,
            vectors: SyntheticVectors(dimension: dimension, clusters: max(20, count / 500), seed: 1),
            count: count
        )
        var (loaded, built): (Double?, Double?)
        if !isLoaded {
            let loading = ContinuousClock.now
            try await corpus.load()
            loaded = loading.elapsed.inSeconds
            let building = ContinuousClock.now
            _ = try await indexes.buildHNSW(index.liveVersion)
            built = building.elapsed.inSeconds
            try await corpus.countTerms()
        }
        var measures: [Result.Measure] = []
        for tenant in corpus.tenants where tenant.id.rawValue == "large" || tenant.id.rawValue == "small" {
            for mode in [SearchMode.dense, .hybrid] {
                for (selectivity, filter) in Self.filters where filter == nil || tenant.chunks > 100 {
                    measures.append(try await measure(corpus, tenant, mode, selectivity, filter))
                }
                measures.append(try await measure(corpus, tenant, mode, 1, nil, principals: ["user:1", "group:2"]))
            }
        }
        let sizes = try await sizes(index.liveVersion, store)
        return Result(
            vectors: corpus.tenants.reduce(0) { $0 + $1.chunks },
            dimension: dimension,
            load_seconds: loaded,
            build_seconds: built,
            table_mb: sizes.table,
            hnsw_mb: sizes.index,
            measures: measures
        )
    }

    private func measure(
        _ corpus: VectorsCorpus,
        _ tenant: VectorsCorpus.Tenant,
        _ mode: SearchMode,
        _ selectivity: Double,
        _ filter: Filter?,
        principals: [String]? = nil
    ) async throws -> Result.Measure {
        let searcher = Searcher(pool: corpus.store.pool, embedders: [])
        var random = FastRandom(seed: 77)
        var milliseconds: [Double] = []
        var (right, wanted, exact, fellBack) = (0, 0, 0, 0)
        let offset = corpus.tenants.prefix { $0.id != tenant.id }.reduce(0) { $0 + $1.chunks }
        var asked: [(request: SearchRequest, chunks: [ChunkID])] = []
        // A few first, for what is only ever slow once.
        for number in -10..<queries {
            let chunk = offset + Int(random.next() % UInt64(tenant.chunks))
            let words = corpus.text(of: chunk, &random).split(separator: " ")
            var request = SearchRequest(
                text: [words[0], words[1], words[5], words[9]].joined(separator: " "),
                tenant: tenant.id,
                mode: mode
            )
            request.vector = corpus.vectors.vector(near: corpus.cluster(of: chunk), &random)
            request.filter = filter
            request.principals = principals
            let start = ContinuousClock.now
            let result = try await searcher.search(request)
            if number < 0 { continue }
            milliseconds.append(start.elapsed.inSeconds * 1_000)
            exact += result.isExact ? 1 : 0
            fellBack += result.trace.fellBack ? 1 : 0
            asked.append((request, result.hits.map(\.chunk)))
        }
        // Only then: comparing all of a tenant's takes what the index needs out of the caches, which nobody does between searches.
        for (request, chunks) in asked.prefix(compared) {
            var request = request
            request.method = .exact
            let all = Set(try await searcher.search(request).hits.map(\.chunk))
            right += chunks.count(where: all.contains)
            wanted += all.count
        }
        milliseconds.sort()
        return Result.Measure(
            tenant: tenant.id.rawValue,
            chunks: tenant.chunks,
            mode: mode.rawValue,
            selectivity: selectivity,
            access: principals != nil,
            p50_ms: quantile(milliseconds, 0.5),
            p95_ms: quantile(milliseconds, 0.95),
            recall10: wanted > 0 ? Double(right) / Double(wanted) : 1,
            exact: Double(exact) / Double(queries),
            fell_back: Double(fellBack) / Double(queries)
        )
    }

    private func sizes(_ version: IndexVersionID, _ store: Store) async throws -> (table: Double, index: Double) {
        let rows = try await store.pool.query(
            Statement(
                "SELECT pg_table_size($1::text::regclass)::float8, pg_relation_size($2::text::regclass)::float8",
                [.text(IndexVersionNames.table(version)), .text(IndexVersionNames.hnsw(version))]
            ) { row throws(PostgresError) in (table: try row.float8(0), index: try row.float8(1)) }
        )
        let bytes = rows.first ?? (0, 0)
        return (bytes.table / 1_048_576, bytes.index / 1_048_576)
    }
}
