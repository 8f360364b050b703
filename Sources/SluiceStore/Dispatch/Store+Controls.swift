package import SluiceCore
internal import SluicePostgres
package import SluiceQueue

/// A control as operators see it.
package struct ControlRecord: Sendable, Equatable {
    package let scope: ControlScope
    package let maxRunning: Int?
    package let rate: RateLimit?
    package let isPaused: Bool
    package let pauseReason: String?
    /// Until the pause ends by itself; nil: somebody must end it, or there is none.
    package let pausedForSeconds: Double?
    /// How much longer a provider wants to be left alone; nil: it does not.
    package let slowedForSeconds: Double?
    package let slowReason: String?
}

extension Store {
    /// The longest that a queue is slowed down for.
    package static let longestSlowDown = Duration.seconds(3_600)

    /// Everything imposed that is in force.
    package func controls() async throws -> [ControlRecord] {
        try await pool.query(ControlEdits.records())
    }

    /// Lets nothing of the scope start from now on, in the whole fleet; what runs goes on.
    ///
    /// - Parameter duration: nil: until it is resumed.
    package func pause(_ scope: ControlScope, reason: String?, for duration: Duration?) async throws {
        try await pool.execute(ControlEdits.pause(ControlRow(scope), reason, duration))
    }

    /// Ends a pause and a slow-down. False when there was none.
    package func resume(_ scope: ControlScope) async throws -> Bool {
        let count = try await pool.execute(ControlEdits.resume(ControlRow(scope)))
        try await pool.execute(ControlEdits.forgetEmpty())
        return count > 0
    }

    /// Sets or, with nil, lifts how many tasks of the scope may run at once.
    package func setMaxRunning(_ scope: ControlScope, to limit: Int?) async throws {
        try await pool.execute(ControlEdits.setMaxRunning(ControlRow(scope), limit))
        try await pool.execute(ControlEdits.forgetEmpty())
    }

    /// Sets or, with nil, lifts how many tasks of the scope may start in a time.
    package func setRate(_ scope: ControlScope, to rate: RateLimit?) async throws {
        try await pool.execute(ControlEdits.setRate(ControlRow(scope), rate))
        try await pool.execute(ControlEdits.forgetEmpty())
    }

    /// See `DispatchControl`.
    package func slowDown(_ queue: QueueName, for duration: Duration, reason: String) async throws {
        let duration = min(max(duration, .zero), Self.longestSlowDown)
        try await pool.execute(ControlEdits.slow(ControlRow(.queue(queue)), duration, reason))
    }

    /// True when the queue is known: it came with the schema, or a worker served it once.
    package func hasQueue(_ queue: QueueName) async throws -> Bool {
        try await !pool.query(ControlEdits.hasQueue(queue)).isEmpty
    }
}

/// Changes to controls. Clock: the server's `now()`.
enum ControlEdits {
    static func pause(_ row: ControlRow, _ reason: String?, _ duration: Duration?) -> Statement<Void> {
        Statement(
            """
            INSERT INTO controls (scope, name, queue, paused_at, pause_reason, paused_until)
            VALUES ($1, $2, $3, now(), $4, now() + make_interval(secs => $5))
            ON CONFLICT (scope, name, queue) DO UPDATE SET paused_at = now(), pause_reason = excluded.pause_reason,
                paused_until = excluded.paused_until
            """,
            key(row) + [.optionalText(reason), .optionalFloat8(duration?.inSeconds)]
        )
    }

    static func resume(_ row: ControlRow) -> Statement<Void> {
        Statement(
            """
            UPDATE controls SET paused_at = NULL, pause_reason = NULL, paused_until = NULL, slowed_until = NULL,
                slow_reason = NULL
            WHERE scope = $1 AND name = $2 AND queue = $3
                AND ((paused_at IS NOT NULL AND coalesce(paused_until > now(), true)) OR slowed_until > now())
            """,
            key(row)
        )
    }

    static func setMaxRunning(_ row: ControlRow, _ limit: Int?) -> Statement<Void> {
        Statement(
            """
            INSERT INTO controls (scope, name, queue, max_running) VALUES ($1, $2, $3, $4)
            ON CONFLICT (scope, name, queue) DO UPDATE SET max_running = excluded.max_running
            """,
            key(row) + [.optionalInt4(limit)]
        )
    }

    static func setRate(_ row: ControlRow, _ rate: RateLimit?) -> Statement<Void> {
        Statement(
            """
            INSERT INTO controls (scope, name, queue, rate_per_second, rate_burst) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (scope, name, queue) DO UPDATE SET rate_per_second = excluded.rate_per_second,
                rate_burst = excluded.rate_burst, rate_used_until = NULL
            """,
            key(row) + [.optionalFloat8(rate?.perSecond), .optionalInt4(rate?.burst)]
        )
    }

    /// The longest slow-down asked for counts.
    static func slow(_ row: ControlRow, _ duration: Duration, _ reason: String) -> Statement<Void> {
        Statement(
            """
            INSERT INTO controls (scope, name, queue, slowed_until, slow_reason)
            VALUES ($1, $2, $3, now() + make_interval(secs => $4), $5)
            ON CONFLICT (scope, name, queue) DO UPDATE SET slowed_until = excluded.slowed_until,
                slow_reason = excluded.slow_reason
            WHERE controls.slowed_until IS NULL OR controls.slowed_until < excluded.slowed_until
            """,
            key(row) + [.float8(duration.inSeconds), .text(reason)]
        )
    }

    /// Rows that impose nothing any more.
    static func forgetEmpty() -> Statement<Void> {
        Statement(
            """
            DELETE FROM controls WHERE max_running IS NULL AND rate_per_second IS NULL
                AND (paused_at IS NULL OR paused_until <= now()) AND (slowed_until IS NULL OR slowed_until <= now())
            """
        )
    }

    static func hasQueue(_ queue: QueueName) -> Statement<String> {
        Statement("SELECT name FROM queues WHERE name = $1", [.text(queue.rawValue)]) { row throws(PostgresError) in
            try row.text(0)
        }
    }

    static func records() -> Statement<ControlRecord> {
        Statement(
            """
            SELECT scope, name, queue, max_running, rate_per_second, rate_burst, is_paused,
                CASE WHEN is_paused THEN pause_reason END,
                CASE WHEN is_paused THEN extract(epoch FROM paused_until - now())::float8 END,
                CASE WHEN slowed_until > now() THEN extract(epoch FROM slowed_until - now())::float8 END,
                CASE WHEN slowed_until > now() THEN slow_reason END
            FROM (
                SELECT *, paused_at IS NOT NULL AND coalesce(paused_until > now(), true) AS is_paused FROM controls
            ) AS controls
            WHERE max_running IS NOT NULL OR rate_per_second IS NOT NULL OR is_paused OR slowed_until > now()
            ORDER BY scope, name, queue
            """
        ) { row throws(PostgresError) in
            let rate: RateLimit? =
                if let perSecond = try row.optionalFloat8(4) {
                    RateLimit(perSecond: perSecond, burst: try row.optionalInt32(5))
                } else { nil }
            return ControlRecord(
                scope: try ControlRow(scope: row.text(0), name: row.text(1), queue: row.text(2)).controlScope(),
                maxRunning: try row.optionalInt32(3),
                rate: rate,
                isPaused: try row.bool(6),
                pauseReason: try row.optionalText(7),
                pausedForSeconds: try row.optionalFloat8(8),
                slowedForSeconds: try row.optionalFloat8(9),
                slowReason: try row.optionalText(10)
            )
        }
    }

    private static func key(_ row: ControlRow) -> [PGValue] { [.text(row.scope), .text(row.name), .text(row.queue)] }
}
