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
        /// Never used again while the server runs.
        let transaction: String
        let isSlow: Bool
    }

    /// Who holds, or waits for, what conflicts with it. Sees the transactions of every role.
    func holders(of tables: [String]) -> Statement<Holder> {
        Statement(
            """
            SELECT virtualtransaction, bool_or(mode = ANY ($3::text[])) FROM pg_locks
            WHERE locktype = 'relation' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                AND relation = ANY (ARRAY(SELECT to_regclass(quote_ident(name))::oid FROM unnest($1::text[]) AS known (name)))
                AND mode = ANY ($2::text[]) AND pid IS DISTINCT FROM pg_backend_pid()
            GROUP BY virtualtransaction
            """,
            [.textArray(tables), .textArray(conflicts), .textArray(Self.slow)]
        ) { row throws(PostgresError) in Holder(transaction: try row.text(0), isSlow: try row.bool(1)) }
    }
}

extension Store {
    private static let looks = 20

    /// Runs `body` in a transaction in which it takes a strong lock, as its last step if it can.
    ///
    /// Who waits for such a lock keeps everyone behind waiting, so first it is looked who is there: while a vacuum is, or a
    /// transaction that already was at the look before, nobody is queued behind. Otherwise those who are there end within the moment
    /// that may be waited for; if they do not, it is tried again. Takes 4 s at most, besides the body.
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
            let mayStay = holders.contains { $0.isSlow || known?.contains($0.transaction) ?? true }
            known = Set(holders.map(\.transaction))
            if mayStay { continue }
            do {
                return try await pool.transaction(settings: [("lock_timeout", "\(lock.patience)")], body)
            } catch let error as PostgresError where [.lockNotAvailable, .deadlock].contains(error.code) {
                continue
            }
        }
        throw PostgresError(.lockNotAvailable, "others hold \(tables.joined(separator: ", ")) all the time")
    }
}
