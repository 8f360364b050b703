internal import SluicePostgres
internal import SluiceStore
internal import Synchronization

/// Looks again and again for sessions that wait for a lock.
final class LockWatch: Sendable {
    private let store: Store
    private let isOver = Mutex(false)

    init(_ store: Store) { self.store = store }

    func end() { isOver.withLock { $0 = true } }

    /// The longest wait seen until `end`, in milliseconds, of sessions whose application's name begins with `application`. Every two
    /// milliseconds a look: a wait may have gone on for so much longer.
    func longest(of application: String) async throws -> Double {
        var longest = 0.0
        while !isOver.withLock({ $0 }) {
            let waited = try await store.pool.query(Self.waiting(application)).first ?? 0
            longest = max(longest, waited)
            try await Task.sleep(for: .milliseconds(2))
        }
        return longest
    }

    private static func waiting(_ application: String) -> Statement<Double> {
        Statement(
            """
            SELECT coalesce(max(extract(epoch FROM clock_timestamp() - waitstart))::float8, 0) * 1000
            FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND starts_with(application_name, $1)
            """,
            [.text(application)]
        ) { row throws(PostgresError) in try row.float8(0) }
    }
}
