internal import SluiceCore
internal import SluicePostgres

/// A lock that others have to wait for, on tables that are read and written all the time.
enum StrongLock: Sendable {
    /// As DROP TABLE takes it, also on what the table refers to and is a part of: nobody reads meanwhile.
    case accessExclusive
    /// As a new foreign key takes it on what it refers to: nobody writes meanwhile, readers go on.
    case shareRowExclusive

    /// For so long those who come later may be kept waiting behind one that waits for the lock, in milliseconds.
    var patience: Int {
        switch self {
        case .accessExclusive: 30
        case .shareRowExclusive: 200
        }
    }

    /// What others may hold that keeps it from being granted.
    fileprivate var conflicts: [String] {
        let writers = ["RowExclusiveLock"] + Self.slow
        return self == .accessExclusive ? ["AccessShareLock", "RowShareLock"] + writers : writers
    }

    /// Held by VACUUM, ANALYZE, builds of indexes, and others that want a table for themselves: for minutes, it may be.
    fileprivate static let slow = [
        "ShareUpdateExclusiveLock", "ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock",
    ]

    struct Holder: Sendable {
        /// As good as never used again.
        let transaction: String
        let isSlow: Bool
        /// Seconds since it began; nil: another role's, of which the server does not say it.
        let age: Double?

        /// Whether it is no use to wait a moment for its end.
        ///
        /// - Parameter known: transactions that were there a tenth of a second ago.
        func mayStay(_ known: Set<String>?) -> Bool {
            if isSlow { return true }
            if let age { return age >= 1 }
            return known?.contains(transaction) ?? true
        }
    }

    /// Who holds, or waits for, what conflicts with it, whatever its role.
    func holders(of tables: [String]) -> Statement<Holder> {
        Statement(
            """
            SELECT virtualtransaction, bool_or(mode = ANY ($3::text[])),
                extract(epoch FROM clock_timestamp() - min(xact_start))::float8
            FROM pg_locks LEFT JOIN pg_stat_activity AS session USING (pid)
            WHERE locktype = 'relation' AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                AND relation = ANY (ARRAY(SELECT to_regclass(quote_ident(name))::oid FROM unnest($1::text[]) AS known (name)))
                AND mode = ANY ($2::text[]) AND pid IS DISTINCT FROM pg_backend_pid()
            GROUP BY virtualtransaction
            """,
            [.textArray(tables), .textArray(conflicts), .textArray(Self.slow)]
        ) { row throws(PostgresError) in
            Holder(transaction: try row.text(0), isSlow: try row.bool(1), age: try row.optionalFloat8(2))
        }
    }

    /// How long the transaction waits for each of the locks that it asks for from here on.
    static func waits(_ milliseconds: Int) -> Statement<Void> {
        Statement("SELECT set_config('lock_timeout', $1, true)", [.text("\(milliseconds)")])
    }
}

extension Store {
    private static let looks = 20

    /// Runs `body` in a transaction in which it takes a strong lock, as its last step if it can.
    ///
    /// Who waits for such a lock keeps everyone behind waiting, so first it is looked who is there: while a vacuum is, or a
    /// transaction of seconds, nobody is queued behind. Otherwise those who are there may end within the moment that may be waited
    /// for; if they do not, it is tried again. Takes some seconds at most, besides the body, which may run several times.
    ///
    /// - Parameter tables: what the lock is taken on; names that do not exist are passed over. None: the body waits for locks of another
    ///   sort, as long as the lock's patience.
    /// - Throws: `PostgresError` `lockNotAvailable` when there was no such moment: for a later time.
    func seize<Value: Sendable>(
        _ lock: StrongLock,
        on tables: [String],
        _ body: (PostgresTransaction) async throws -> Value
    ) async throws -> Value {
        var known: Set<String>?
        for look in 1...Self.looks {
            if look > 1 { try await Task.sleep(for: .milliseconds(Int.random(in: 100...200))) }
            let holders = tables.isEmpty ? [] : try await pool.query(lock.holders(of: tables))
            let isHopeless = holders.contains { $0.mayStay(known) }
            known = Set(holders.map(\.transaction))
            if isHopeless { continue }
            do {
                return try await pool.transaction(settings: [("lock_timeout", "\(lock.patience)")], body)
            } catch let error as PostgresError where [.lockNotAvailable, .deadlock].contains(error.code) {
                continue
            }
        }
        throw PostgresError(.lockNotAvailable, "others hold \(tables.joined(separator: ", ")) all the time")
    }
}
