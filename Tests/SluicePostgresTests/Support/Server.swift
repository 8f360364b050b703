import SluiceCore
import SluicePostgres
import SluiceSystem
import Synchronization

/// The real server of a test run. `SLUICE_TEST_REQUIRE_SERVERS=1` turns "skipped" into "failed".
enum Server {
    static var isPresent: Bool {
        Environment.value("SLUICE_DATABASE_URL") != nil || Environment.value("SLUICE_TEST_REQUIRE_SERVERS") == "1"
    }

    struct Missing: Error, CustomStringConvertible {
        let description = "set SLUICE_DATABASE_URL, or run scripts/test"
    }

    static func url() throws -> String {
        guard let url = Environment.value("SLUICE_DATABASE_URL") else { throw Missing() }
        return url
    }

    static func configuration(poolSize: Int = 4) throws -> PostgresConfiguration {
        PostgresConfiguration(url: try url(), applicationName: "sluice-postgres-tests", poolSize: poolSize)
    }

    /// For statements beside those under test; shared, and closed by the end of the process.
    static func shared() throws -> PostgresPool { try sharedPool.get() }

    private static let sharedPool = Result { PostgresPool(try configuration()) }

    /// Tests run all at once and servers let in a hundred connections: so many tests have pools of their own at a time.
    private static let gate = Gate(width: 8)

    /// A pool that is closed afterwards. Not to be nested.
    static func withPool<Value: Sendable>(
        size: Int = 4,
        change: (inout PostgresConfiguration) -> Void = { _ in },
        _ body: (PostgresPool) async throws -> Value
    ) async throws -> Value {
        var configuration = try configuration(poolSize: size)
        change(&configuration)
        await gate.enter()
        let pool = PostgresPool(configuration)
        defer {
            pool.close()
            gate.leave()
        }
        return try await body(pool)
    }

    /// A pool whose connections work in a schema of their own, dropped afterwards. Not to be nested.
    static func withSchema<Value: Sendable>(
        size: Int = 4,
        change: (inout PostgresConfiguration) -> Void = { _ in },
        _ body: (PostgresPool) async throws -> Value
    ) async throws -> Value {
        let schema = "pgtest_" + WorkerID.random().bytes.prefix(8).hexadecimal
        let shared = try shared()
        try await shared.withConnection { try await $0.script("CREATE SCHEMA \(quotedIdentifier(schema))") }
        let result: Result<Value, any Error>
        do {
            result = .success(
                try await withPool(size: size) { configuration in
                    configuration.settings["search_path"] = "\(schema),public"
                    change(&configuration)
                } _: {
                    try await body($0)
                }
            )
        } catch {
            result = .failure(error)
        }
        try await shared.withConnection { try await $0.script("DROP SCHEMA \(quotedIdentifier(schema)) CASCADE") }
        return try result.get()
    }
}

/// Lets so many in at a time, in order.
private final class Gate: Sendable {
    private struct State {
        var free: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    init(width: Int) { state = Mutex(State(free: width)) }

    func enter() async {
        await withCheckedContinuation { continuation in
            let enters = state.withLock { state in
                guard state.free > 0 else {
                    state.waiting.append(continuation)
                    return false
                }
                state.free -= 1
                return true
            }
            if enters { continuation.resume() }
        }
    }

    func leave() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
            state.free += 1
            return nil
        }
        next?.resume()
    }
}

/// Statements that many tests need.
extension Statement where Row == Int64 {
    static let backendPID = Statement("SELECT pg_backend_pid()::int8") { row throws(PostgresError) in try row.int64(0) }

    static func int64(_ sql: String, _ parameters: [PGValue] = []) -> Statement {
        Statement(sql, parameters) { row throws(PostgresError) in try row.int64(0) }
    }
}

/// The code of the `PostgresError` that `body` throws; nil when it throws none.
func code(of body: () async throws -> Void) async -> PostgresError.Code? {
    do {
        try await body()
        return nil
    } catch {
        return (error as? PostgresError)?.code
    }
}
