internal import Logging
internal import SluiceCore
internal import SluicePostgres
internal import SluiceService
internal import SluiceStore

/// A schema and a key prefix of a benchmark's own, on the servers of the environment.
enum BenchSchema {
    /// Migrates the schema, runs `body` with settings that point at it, and drops it.
    ///
    /// - Parameters:
    ///   - kept: an earlier run's schema, to be used again instead of a new one; it stays.
    ///   - keeps: a new one stays for such a run, whatever comes of this one.
    static func run(
        on kept: String? = nil,
        keeps: Bool = false,
        _ body: (Settings) async throws -> Void
    ) async throws {
        var settings = try Settings.fromEnvironment()
        settings.schema = kept ?? "bench_\(WorkerID.random().bytes.prefix(6).hexadecimal)"
        settings.redisPrefix = settings.schema.replacing("_", with: "-")
        let store = settings.makeStore("sluicebench", poolSize: 2, logger: .line("sluicebench", level: "error"))
        let result: Result<Void, any Error>
        do {
            try await Migrator(store).migrate()
            result = .success(try await body(settings))
        } catch {
            result = .failure(error)
        }
        if keeps || kept != nil {
            Logger.line("sluicebench", level: "info").info("kept", metadata: ["schema": "\(settings.schema)"])
        } else {
            try await store.pool.withConnection {
                try await $0.script("DROP SCHEMA IF EXISTS \(quotedIdentifier(settings.schema)) CASCADE")
            }
        }
        store.close()
        try result.get()
    }
}

/// The p-th part of a sorted sample, 0...1.
func quantile(_ sorted: [Double], _ part: Double) -> Double {
    guard !sorted.isEmpty else { return .nan }
    return sorted[min(sorted.count - 1, Int((Double(sorted.count) * part).rounded(.down)))]
}
