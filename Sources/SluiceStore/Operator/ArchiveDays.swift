internal import SluiceCore
internal import SluicePostgres

/// The days of the archive of settled tasks, a partition each. Days are by UTC; clock: the server's `now()`.
///
/// Every settle writes into the archive, and would wait behind whoever waits for its lock: so days come and go at a moment when
/// nobody holds it for long. There is time: days are made a week ahead.
enum ArchiveDays {
    static let table = "tasks_archive"
    static let overflow = "tasks_archive_default"
    /// Rows of the overflow that are removed in one statement.
    static let chunk = 5_000

    /// Days ahead of need that are not there and that nothing has been archived for.
    static func missing() -> Statement<String> {
        Statement(
            """
            SELECT to_char(day, 'YYYY-MM-DD')
            FROM (SELECT (now() AT TIME ZONE 'UTC')::date + ahead AS day FROM generate_series(0, 7) AS ahead) AS days
            WHERE to_regclass('tasks_archive_' || to_char(day, 'YYYYMMDD')) IS NULL AND NOT EXISTS (
                SELECT FROM tasks_archive_default
                WHERE finished_at >= day::timestamp AT TIME ZONE 'UTC' AND finished_at < (day + 1)::timestamp AT TIME ZONE 'UTC'
            )
            ORDER BY day
            """
        ) { row throws(PostgresError) in try row.text(0) }
    }

    static func add(_ day: String) -> Statement<Bool> {
        Statement("SELECT sluice_add_archive_day($1::text::date)", [.text(day)]) { row throws(PostgresError) in
            try row.bool(0)
        }
    }

    /// Names of day partitions that end before the retention, the oldest first.
    static func expired(_ retention: Duration) -> Statement<String> {
        Statement(
            """
            SELECT child.relname::text FROM pg_inherits
            JOIN pg_class AS child ON child.oid = inhrelid
            WHERE inhparent = to_regclass('tasks_archive') AND child.relname ~ '^tasks_archive_[0-9]{8}$'
                AND to_date(right(child.relname, 8), 'YYYYMMDD') + 1
                    <= (now() AT TIME ZONE 'UTC' - make_interval(secs => $1))::date
            ORDER BY 1
            """,
            [.float8(retention.inSeconds)]
        ) { row throws(PostgresError) in try row.text(0) }
    }

    /// What was settled on days that had no partition, since no coordinator ran for a week: it has no day that could be dropped.
    static func sweepOverflow(_ retention: Duration) -> Statement<Void> {
        Statement(
            """
            DELETE FROM tasks_archive_default WHERE ctid = ANY (ARRAY(
                SELECT ctid FROM tasks_archive_default WHERE finished_at < now() - make_interval(secs => $1) LIMIT $2
            ))
            """,
            [.float8(retention.inSeconds), .int8(Int64(chunk))]
        )
    }
}

extension Store {
    /// Makes the days of the coming week that are not there. Returns how many it made; the others are in time the next time.
    func addArchiveDays() async throws -> Int {
        var made = 0
        for day in try await pool.query(ArchiveDays.missing()) {
            let isMade = try await changeArchive([]) { try await $0.query(ArchiveDays.add(day)).first }
            guard let isMade else { break }
            if isMade { made += 1 }
        }
        return made
    }

    /// Drops days that ended before the retention, and removes rows as old that lie in no day. Returns how many days it dropped.
    func dropArchiveDays(olderThan retention: Duration) async throws -> Int {
        var dropped = 0
        for name in try await pool.query(ArchiveDays.expired(retention)) {
            let isDropped = try await changeArchive([name]) { transaction in
                try await transaction.script("DROP TABLE IF EXISTS \(quotedIdentifier(name))")
                return true
            }
            guard isDropped != nil else { break }
            dropped += 1
        }
        while try await pool.execute(ArchiveDays.sweepOverflow(retention)) == ArchiveDays.chunk {}
        return dropped
    }

    /// Nil: somebody reads the archive for longer, as a backup does.
    private func changeArchive<Value: Sendable>(
        _ days: [String],
        _ body: (PostgresTransaction) async throws -> Value?
    ) async throws -> Value? {
        do {
            return try await seize(.accessExclusive, on: [ArchiveDays.table, ArchiveDays.overflow] + days, body)
        } catch let error as PostgresError where error.code == .lockNotAvailable {
            return nil
        }
    }
}
