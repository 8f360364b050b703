package import SluiceCore
package import SluiceDocuments
package import SluiceStore
internal import SluiceSystem

/// Everything that can be set, read once at start. The README's table lists the names.
package struct Settings: Sendable {
    /// libpq's form, `postgresql://user:password@host:port/database`.
    package var databaseURL: String
    /// `redis://[:password@]host:port/database`; nil: the fleet runs without Redis, claiming straight from PostgreSQL.
    package var redisURL: String?
    package var schema: String
    package var redisPrefix: String
    /// What payloads are sealed with at rest; none: they are stored as they are.
    package var payloadKeys: PayloadKeys
    /// `.sluice`, the embedded default's folder; nil where there is none.
    package var home: String?
    /// A model directory as Optimum exports it.
    package var modelDirectory: String?
    /// A cross-encoder's folder, or the address of a server that reranks.
    package var reranker: String?
    /// Which tenants have HNSW indexes of their own.
    package var tenantIndexPolicy: TenantIndexPolicy
    package var rerankerKey: String?
    /// A second model, for index versions on their way to it; nil: there is none.
    package var candidateModelDirectory: String?
    /// Of the time, that a rebuild copies vectors: above 0, at most 1.
    package var rebuildShare: Double
    /// The most that the build of an HNSW index may take of the server's memory, in MiB.
    package var buildMemoryMegabytes: Int
    /// Free bytes on the database's disk, for plans; nil: nobody said.
    package var databaseDiskFree: Int?
    /// For plans; 0 for a model of one's own.
    package var pricePerMillionTokens: Double
    package var openVINOLibrary: String?
    package var tokenizersLibrary: String?
    package var embedThreads: Int
    package var embedStreams: Int
    package var embedWindow: Int
    package var chunkSize: Int
    package var chunkOverlap: Int
    package var poolSize: Int
    /// False behind a pooler that does not track prepared statements.
    package var preparesStatements: Bool
    package var drainTimeout: Duration
    /// How long whatever runs the processes waits before it kills them; nil when nobody said.
    package var terminationGrace: Duration?
    package var leaseLength: Duration
    /// How long a task waits until its priority improves by one.
    package var aging: Duration
    package var archiveRetention: Duration
    package var retention: RetentionPolicy
    package var upkeep: UpkeepSettings
    package var limits: ExtractionLimits
    package var extractorPath: String?
    /// Passwords tried on encrypted documents, after the empty one.
    package var documentPasswords: [String]
    package var logLevel: String

    /// Reads the process's environment.
    package static func fromEnvironment() throws(SettingsError) -> Settings {
        let home = Environment.home()
        return try Settings(
            environment: Environment.all(),
            home: home,
            readFile: Environment.textFile
        )
    }

    package init(
        environment: [String: String],
        home: String?,
        readFile: @escaping (String) -> String?
    ) throws(SettingsError) {
        var reader = SettingsReader(
            environment: environment,
            defaultsFile: home.map { $0 + "/run/environment" },
            readFile: readFile
        )
        self.home = home
        databaseURL = reader.require(
            "SLUICE_DATABASE_URL",
            "export the address of a PostgreSQL server with pgvector, or start the embedded one with scripts/up"
        )
        redisURL = reader.text("SLUICE_REDIS_URL").flatMap { $0 == "none" ? nil : $0 }
        schema = reader.text("SLUICE_SCHEMA") ?? "sluice"
        redisPrefix = reader.text("SLUICE_REDIS_PREFIX") ?? "sluice"
        payloadKeys = Self.payloadKeys(&reader)
        modelDirectory = reader.text("SLUICE_MODEL") ?? home.map { $0 + "/models/all-MiniLM-L6-v2/int8" }
        reranker = reader.text("SLUICE_RERANKER")
        rerankerKey = reader.text("SLUICE_RERANKER_KEY")
        let partialFrom = reader.integer("SLUICE_TENANT_INDEX_FROM", default: 50_000, in: 1_000...1_000_000_000)
        tenantIndexPolicy = TenantIndexPolicy(
            partialFrom: partialFrom,
            partialUntil: partialFrom / 2,
            most: reader.integer("SLUICE_TENANT_INDEXES", default: 16, in: 0...256)
        )
        candidateModelDirectory = reader.text("SLUICE_CANDIDATE_MODEL")
        rebuildShare = Double(reader.integer("SLUICE_REBUILD_SHARE_PERCENT", default: 50, in: 1...100)) / 100
        buildMemoryMegabytes = reader.integer("SLUICE_BUILD_MEMORY_MB", default: 2_048, in: 64...1_048_576)
        databaseDiskFree = reader.text("SLUICE_DATABASE_DISK_FREE_GB").map { _ in
            reader.integer("SLUICE_DATABASE_DISK_FREE_GB", default: 0, in: 0...1_000_000) << 30
        }
        pricePerMillionTokens = Self.price(&reader)
        openVINOLibrary = reader.text("SLUICE_OPENVINO_LIBRARY") ?? home.map { $0 + "/openvino/lib/libopenvino_c.so" }
        tokenizersLibrary =
            reader.text("SLUICE_OPENVINO_TOKENIZERS") ?? home.map { $0 + "/openvino/lib/libopenvino_tokenizers.so" }
        let cores = Environment.coreCount()
        embedThreads = reader.integer("SLUICE_EMBED_THREADS", default: cores, in: 1...1024)
        embedStreams = reader.integer("SLUICE_EMBED_STREAMS", default: min(256, embedThreads), in: 1...256)
        embedWindow = reader.integer("SLUICE_EMBED_WINDOW", default: 256, in: 1...10_000)
        chunkSize = reader.integer("SLUICE_CHUNK_SIZE", default: 1_000, in: 1...100_000)
        chunkOverlap = reader.integer("SLUICE_CHUNK_OVERLAP", default: 100, in: 0...100_000)
        poolSize = reader.integer("SLUICE_DATABASE_POOL", default: 8, in: 2...500)
        preparesStatements = reader.integer("SLUICE_DATABASE_PREPARE", default: 1, in: 0...1) == 1
        drainTimeout = .seconds(reader.integer("SLUICE_DRAIN_TIMEOUT_SECONDS", default: 25, in: 0...3_600))
        terminationGrace = reader.text("SLUICE_TERMINATION_GRACE_SECONDS").map { _ in
            .seconds(reader.integer("SLUICE_TERMINATION_GRACE_SECONDS", default: 30, in: 1...86_400))
        }
        leaseLength = .seconds(reader.integer("SLUICE_LEASE_SECONDS", default: 15, in: 3...600))
        aging = .seconds(reader.integer("SLUICE_AGING_SECONDS", default: 60, in: 1...86_400))
        archiveRetention = .seconds(86_400 * reader.integer("SLUICE_ARCHIVE_DAYS", default: 7, in: 1...3_650))
        retention = Self.retention(&reader)
        upkeep = UpkeepSettings(&reader, home: home)
        limits = Self.limits(&reader)
        extractorPath = reader.text("SLUICE_EXTRACTOR")
        documentPasswords = Self.passwords(&reader, readFile: readFile)
        logLevel = reader.text("SLUICE_LOG_LEVEL") ?? "info"
        if !["trace", "debug", "info", "notice", "warning", "error", "critical"].contains(logLevel) {
            reader.report(
                "SLUICE_LOG_LEVEL: '\(logLevel)' is none of trace, debug, info, notice, warning, error, critical"
            )
        }
        if chunkOverlap > chunkSize {
            reader.report("SLUICE_CHUNK_OVERLAP: \(chunkOverlap) is more than SLUICE_CHUNK_SIZE, \(chunkSize)")
        }
        if !Self.isIdentifier(schema) {
            reader.report("SLUICE_SCHEMA: '\(schema)' is not a plain name of a-z, 0-9 and '_', at most 63 characters")
        }
        if !NameRule.accepts(redisPrefix) { reader.report("SLUICE_REDIS_PREFIX: \(NameRule.sentence)") }
        if !reader.problems.isEmpty { throw SettingsError(problems: reader.problems) }
    }

    private static func retention(_ reader: inout SettingsReader) -> RetentionPolicy {
        func days(_ name: String, _ standard: Int) -> Duration {
            .seconds(86_400 * reader.integer("SLUICE_RETENTION_\(name)_DAYS", default: standard, in: 1...36_500))
        }
        return RetentionPolicy(
            attempts: days("ATTEMPTS", 30),
            batches: days("BATCHES", 90),
            versions: days("VERSIONS", 30),
            cache: days("CACHE", 90),
            audit: days("AUDIT", 365)
        )
    }

    private static func limits(_ reader: inout SettingsReader) -> ExtractionLimits {
        let standard = ExtractionLimits()
        let seconds = reader.integer("SLUICE_EXTRACT_TIMEOUT_SECONDS", default: 120, in: 1...3_600)
        return ExtractionLimits(
            maxBytes: reader.integer("SLUICE_MAX_DOCUMENT_MB", default: 512, in: 1...16_384) << 20,
            maxPages: reader.integer("SLUICE_MAX_PAGES", default: standard.maxPages, in: 1...10_000_000),
            maxCharacters: reader.integer(
                "SLUICE_MAX_CHARACTERS",
                default: standard.maxCharacters,
                in: 1...1_000_000_000
            ),
            wallClock: .seconds(seconds),
            addressSpace: reader.integer("SLUICE_EXTRACT_MEMORY_MB", default: 2_048, in: 128...1_048_576) << 20,
            cpuSeconds: seconds
        )
    }

    private static func price(_ reader: inout SettingsReader) -> Double {
        guard let text = reader.text("SLUICE_PRICE_PER_MILLION_TOKENS") else { return 0 }
        if let price = Double(text), price.isFinite, price >= 0 { return price }
        reader.report("SLUICE_PRICE_PER_MILLION_TOKENS: '\(text)' is no price of 0 or more")
        return 0
    }

    private static func payloadKeys(_ reader: inout SettingsReader) -> PayloadKeys {
        guard let text = reader.text("SLUICE_PAYLOAD_KEYS") else { return .none }
        do {
            return try PayloadKeys(text)
        } catch {
            reader.report("SLUICE_PAYLOAD_KEYS: \(error)")
            return .none
        }
    }

    private static func passwords(_ reader: inout SettingsReader, readFile: (String) -> String?) -> [String] {
        guard let path = reader.text("SLUICE_DOCUMENT_PASSWORDS_FILE") else { return [] }
        guard let content = readFile(path) else {
            reader.report("SLUICE_DOCUMENT_PASSWORDS_FILE: the file '\(path)' cannot be read")
            return []
        }
        return content.split(whereSeparator: \.isNewline).map(String.init)
    }

    static func isIdentifier(_ text: String) -> Bool {
        guard (1...63).contains(text.utf8.count), let first = text.utf8.first, !(48...57).contains(first) else {
            return false
        }
        return text.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 95 }
    }
}
