package import Logging
internal import SluiceCore
internal import SluicePostgres
package import SluiceStore
internal import SluiceSystem

/// Where the real servers of a test run are.
///
/// Without them server tests are skipped, except with `SLUICE_TEST_REQUIRE_SERVERS=1`, as in CI: then they run and fail.
package enum TestServers {
    package static var databaseURL: String? { Environment.value("SLUICE_DATABASE_URL") }
    package static var redisURL: String? { Environment.value("SLUICE_REDIS_URL") }

    package static var arePresent: Bool {
        (databaseURL != nil && redisURL != nil) || Environment.value("SLUICE_TEST_REQUIRE_SERVERS") == "1"
    }

    package static var areRequired: Bool { Environment.value("SLUICE_TEST_REQUIRE_SERVERS") == "1" }

    package static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    package struct Missing: Error, CustomStringConvertible {
        package let description = "set SLUICE_DATABASE_URL and SLUICE_REDIS_URL, or run scripts/test"
    }

    package static func requireDatabaseURL() throws -> String {
        guard let url = databaseURL else { throw Missing() }
        return url
    }

    /// A store in this schema, not migrated.
    package static func store(schema: String, poolSize: Int = 8) throws -> Store {
        Store(
            configuration: PostgresConfiguration(
                url: try requireDatabaseURL(),
                applicationName: "sluice-test",
                poolSize: poolSize
            ),
            schema: schema,
            logger: quiet
        )
    }

    package static func dropSchema(_ schema: String) async throws {
        let store = try store(schema: schema, poolSize: 2)
        defer { store.close() }
        try await store.pool.withConnection {
            try await $0.script("DROP SCHEMA IF EXISTS \(quotedIdentifier(schema)) CASCADE")
        }
    }
}

/// Runs `body` on a store in a schema of its own, freshly migrated and dropped afterwards.
///
/// Schemas, not databases: one takes milliseconds, and tests stay parallel.
package func withTestStore<Value: Sendable>(
    poolSize: Int = 8,
    _ body: (Store) async throws -> Value
) async throws -> Value {
    let schema = "test_" + WorkerID.random().bytes.prefix(8).hexadecimal
    let store = try TestServers.store(schema: schema, poolSize: poolSize)
    let result: Result<Value, any Error>
    do {
        try await Migrator(store).migrate()
        result = .success(try await body(store))
    } catch {
        result = .failure(error)
    }
    store.close()
    try await TestServers.dropSchema(schema)
    return try result.get()
}
