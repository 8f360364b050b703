internal import SluiceCore
internal import SluicePostgres
internal import SluiceQueue

/// Controls as they stand in their table. Clock: the server's.
enum ControlStatements {
    /// All that are in force, or those that can concern one queue.
    static func all(concerning queue: QueueName? = nil) -> Statement<Control> {
        Statement(
            """
            SELECT \(columns) FROM controls WHERE \(isInForce) AND ($1::text IS NULL OR queue IN ('*', $1))
            """,
            [.optionalText(queue?.rawValue)],
            decode: decode
        )
    }

    /// Locks rows in one order, so that two claims cannot deadlock, and reads what they say then; with the seconds that
    /// have passed since each rate was used up, nil when it never was.
    static func lock(_ scopes: [ControlScope]) -> Statement<(control: Control, secondsUnused: Double?)> {
        let rows = scopes.map(ControlRow.init)
        return Statement(
            """
            SELECT \(columns), extract(epoch FROM clock_timestamp() - rate_used_until)::float8 FROM controls
            WHERE (scope, name, queue) IN (
                SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS given (scope, name, queue)
            )
            ORDER BY scope, name, queue FOR NO KEY UPDATE
            """,
            [.textArray(rows.map(\.scope)), .textArray(rows.map(\.name)), .textArray(rows.map(\.queue))]
        ) { row throws(PostgresError) in (try decode(row), try row.optionalFloat8(7)) }
    }

    /// Writes how far a rate is used up.
    ///
    /// - Parameter seconds: before now; below 0: in the future.
    static func use(_ scope: ControlScope, secondsUnused seconds: Double) -> Statement<Void> {
        let row = ControlRow(scope)
        return Statement(
            """
            UPDATE controls SET rate_used_until = clock_timestamp() - make_interval(secs => $4)
            WHERE scope = $1 AND name = $2 AND queue = $3
            """,
            [.text(row.scope), .text(row.name), .text(row.queue), .float8(seconds)]
        )
    }

    /// True when a leader fills the windows: then rates are its business.
    static func relayIsWell() -> Statement<Bool> {
        Statement(
            """
            SELECT expires_at > now() AND relayed_at > now() - interval '10 seconds' AND relay_lag_seconds < 5 FROM leader
            """
        ) { row throws(PostgresError) in try row.optionalBool(0) ?? false }
    }

    /// What must hold for a claim by the short way. One look into a nearly empty table for each statement.
    static func nothingHolds(_ queue: String) -> String {
        """
        NOT EXISTS (
                SELECT FROM controls WHERE controls.queue IN ('*', \(queue)) AND (max_running IS NOT NULL OR \(isClosed))
            )
        """
    }

    /// The same for claims without hints, which must heed rates too.
    static func nothingLimits(_ queue: String) -> String {
        "NOT EXISTS (SELECT FROM controls WHERE controls.queue IN ('*', \(queue)) AND \(isInForce))"
    }

    /// Whether no pause concerns a row of `tasks`.
    ///
    /// - Parameter row: its name in the statement.
    static func isOpen(_ row: String) -> String {
        """
        NOT EXISTS (
                SELECT FROM controls WHERE controls.queue IN ('*', \(row).queue) AND \(isClosed)
                    AND controls.name = CASE controls.scope WHEN 'queue' THEN \(row).queue
                        WHEN 'tenant' THEN \(row).tenant_id ELSE \(row).kind END
            )
        """
    }

    private static let isClosed =
        "((paused_at IS NOT NULL AND coalesce(paused_until > now(), true)) OR coalesce(slowed_until > now(), false))"
    private static let isInForce = "(max_running IS NOT NULL OR rate_per_second IS NOT NULL OR \(isClosed))"

    private static let columns = """
        scope, name, queue, max_running, rate_per_second, rate_burst,
                CASE WHEN paused_at IS NOT NULL AND coalesce(paused_until > now(), true) THEN -1
                    ELSE greatest(0, extract(epoch FROM slowed_until - now()))::float8 END
        """

    private static let decode: @Sendable (PGRow) throws(PostgresError) -> Control = { row throws(PostgresError) in
        let rate: RateLimit? =
            if let perSecond = try row.optionalFloat8(4) {
                RateLimit(perSecond: perSecond, burst: try row.optionalInt32(5))
            } else { nil }
        let closed = try row.optionalFloat8(6) ?? 0
        return Control(
            try ControlRow(scope: row.text(0), name: row.text(1), queue: row.text(2)).controlScope(),
            maxRunning: try row.optionalInt32(3),
            rate: rate,
            isPaused: closed < 0,
            slowedFor: .seconds(max(0, closed))
        )
    }
}

/// A scope as the table's key.
struct ControlRow: Sendable {
    let scope: String
    let name: String
    let queue: String

    init(scope: String, name: String, queue: String) {
        self.scope = scope
        self.name = name
        self.queue = queue
    }

    init(_ scope: ControlScope) {
        switch scope {
        case .queue(let queue): self.init(scope: "queue", name: queue.rawValue, queue: queue.rawValue)
        case .tenant(let tenant, let queue):
            self.init(scope: "tenant", name: tenant.rawValue, queue: queue?.rawValue ?? "*")
        case .kind(let kind): self.init(scope: "kind", name: kind.rawValue, queue: "*")
        }
    }

    func controlScope() throws(PostgresError) -> ControlScope {
        switch scope {
        case "queue": return .queue(QueueName(trusted: name))
        case "tenant": return .tenant(TenantID(trusted: name), in: queue == "*" ? nil : QueueName(trusted: queue))
        case "kind": return .kind(TaskKind(trusted: name))
        default:
            throw PostgresError(.invalidValue, "a control has the scope '\(scope)', which this version does not know")
        }
    }
}
