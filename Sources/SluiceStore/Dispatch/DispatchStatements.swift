internal import SluiceCore
internal import SluicePostgres
internal import SluiceQueue

/// What the relay reads. Index: `tasks_streams_idx`, of which each statement touches a few pages for each row it returns.
enum DispatchStatements {
    /// Queues that exist or that live workers serve, with the slots offered.
    static func queues() -> Statement<QueueState> {
        Statement(
            """
            WITH live AS MATERIALIZED (
                SELECT queues, concurrency FROM workers
                WHERE role = 'worker' AND lease_expires_at > now() AND state = 'live'
            ), names AS (
                SELECT name FROM queues UNION SELECT unnest(queues) FROM live
            )
            SELECT name, coalesce((SELECT sum(concurrency) FROM live WHERE names.name = ANY (live.queues)), 0)
            FROM names ORDER BY name
            """
        ) { row throws(PostgresError) in
            QueueState(name: QueueName(trusted: try row.text(0)), slots: Int(try row.int64(1)))
        }
    }

    /// Streams with available tasks, each found by one descent: the index is skipped through, not scanned.
    ///
    /// - Parameter after: tenants that sort behind this one only; empty: all.
    static func streams(_ queue: QueueName, after: String, limit: Int) -> Statement<BacklogStream> {
        Statement(
            """
            WITH RECURSIVE \(skipScan(queue: "$1", after: "$2")), page AS MATERIALIZED (SELECT * FROM streams LIMIT $3)
            SELECT page.tenant_id, kind, priority, coalesce(tenants.weight, 1)
            FROM page LEFT JOIN tenants ON tenants.id = page.tenant_id
            ORDER BY page.tenant_id, kind, priority
            """,
            [.text(queue.rawValue), .text(after), .int8(Int64(limit))],
            decode: stream
        )
    }

    private static let stream: @Sendable (PGRow) throws(PostgresError) -> BacklogStream = { row throws(PostgresError) in
        BacklogStream(
            tenant: TenantID(trusted: try row.text(0)),
            kind: TaskKind(trusted: try row.text(1)),
            priority: try row.int16(2),
            weight: try row.int32(3)
        )
    }

    /// The first stream with available tasks between any two that are known, before the first and behind the last of them:
    /// among tenants, among the kinds of a tenant, and among the priorities of its kind.
    ///
    /// Each is one descent that stops at the next known stream: what has gone from the known ones is not passed over. A
    /// comparison of rows would not do, since before PostgreSQL 18 a scan ends only where the first column decides; nor would
    /// an alternative between a bound and an open end.
    static func streams(_ queue: QueueName, besides known: [BacklogStream]) -> Statement<BacklogStream> {
        func new(in gaps: String, where condition: String, ordered columns: String, if exists: String) -> String {
            """
            SELECT new.* FROM \(gaps) AS gap CROSS JOIN LATERAL (
                    SELECT tenant_id, kind, priority FROM tasks
                    WHERE tasks.queue = $1 AND tasks.state = 'available' AND \(condition)
                    ORDER BY \(columns) LIMIT 1
                ) AS new WHERE \(exists)
            """
        }
        let ofTenant = "tasks.tenant_id = gap.tenant AND tasks.kind"
        let found = [
            new(
                in: "tenants_apart",
                where: "tasks.tenant_id > gap.tenant AND tasks.tenant_id < gap.next",
                ordered: "tenant_id, kind, priority",
                if: "gap.next IS NOT NULL"
            ),
            new(
                in: "tenants_apart",
                where: "tasks.tenant_id > gap.tenant",
                ordered: "tenant_id, kind, priority",
                if: "gap.next IS NULL"
            ),
            new(
                in: "kinds_apart",
                where: "\(ofTenant) > gap.kind AND tasks.kind < gap.next",
                ordered: "kind, priority",
                if: "gap.next IS NOT NULL"
            ),
            new(
                in: "kinds_apart",
                where: "\(ofTenant) > gap.kind",
                ordered: "kind, priority",
                if: "gap.next IS NULL"
            ),
            new(
                in: "priorities_apart",
                where: "\(ofTenant) = gap.kind AND tasks.priority > gap.priority AND tasks.priority < gap.next",
                ordered: "priority",
                if: "gap.next > gap.priority + 1"
            ),
        ]
        return Statement(
            """
            WITH known AS MATERIALIZED (
                SELECT * FROM unnest($2::text[], $3::text[], $4::int2[]) AS known (tenant, kind, priority)
            ), tenants_apart AS MATERIALIZED (
                SELECT tenant, lead(tenant) OVER (ORDER BY tenant) AS next
                FROM (SELECT DISTINCT tenant FROM known UNION ALL SELECT '') AS bounds
            ), kinds_apart AS MATERIALIZED (
                SELECT tenant, kind, lead(kind) OVER (PARTITION BY tenant ORDER BY kind) AS next
                FROM (SELECT DISTINCT tenant, kind FROM known UNION ALL SELECT DISTINCT tenant, '' FROM known) AS bounds
            ), priorities_apart AS MATERIALIZED (
                SELECT tenant, kind, priority,
                    lead(priority, 1, 32767::int2) OVER (PARTITION BY tenant, kind ORDER BY priority) AS next
                FROM (SELECT * FROM known UNION ALL SELECT DISTINCT tenant, kind, (-1)::int2 FROM known) AS bounds
            ), found AS MATERIALIZED (
                \(found.joined(separator: "\n    UNION ALL\n    "))
            )
            SELECT found.tenant_id, found.kind, found.priority, coalesce(tenants.weight, 1)
            FROM found LEFT JOIN tenants ON tenants.id = found.tenant_id
            """,
            [
                .text(queue.rawValue), .textArray(known.map(\.tenant.rawValue)), .textArray(known.map(\.kind.rawValue)),
                .int2Array(known.map(\.priority)),
            ],
            decode: stream
        )
    }

    /// The recursive term `streams (tenant_id, kind, priority)`.
    static func skipScan(queue: String, after: String) -> String {
        """
        streams (tenant_id, kind, priority) AS (
                (SELECT tenant_id, kind, priority FROM tasks
                 WHERE queue = \(queue) AND state = 'available' AND tenant_id > \(after)
                 ORDER BY tenant_id, kind, priority LIMIT 1)
                UNION ALL
                SELECT next.* FROM streams CROSS JOIN LATERAL (
                    SELECT tenant_id, kind, priority FROM tasks
                    WHERE queue = \(queue) AND state = 'available'
                        AND (tasks.tenant_id, tasks.kind, tasks.priority)
                            > (streams.tenant_id, streams.kind, streams.priority)
                    ORDER BY tenant_id, kind, priority LIMIT 1
                ) AS next
            )
        """
    }

    /// Before every time that a task may have: the year 1900, in microseconds since 1970.
    private static let always: Int64 = -2_208_988_800_000_000

    /// The first tasks of streams, each stream's in order.
    static func heads(_ queue: QueueName, _ requests: [StreamRequest]) -> Statement<Candidate> {
        Statement(
            """
            SELECT head.id, given.tenant, given.kind, given.priority, head.run_at
            FROM unnest($2::text[], $3::text[], $4::int2[], $5::int8[], $6::int8[])
                AS given (tenant, kind, priority, take, since)
            CROSS JOIN LATERAL (
                SELECT id, run_at FROM tasks
                WHERE queue = $1 AND state = 'available' AND tenant_id = given.tenant AND kind = given.kind
                    AND priority = given.priority AND NOT suspect
                    AND run_at >= timestamptz 'epoch' + given.since * interval '1 microsecond'
                ORDER BY run_at, id LIMIT given.take
            ) AS head
            """,
            [
                .text(queue.rawValue), .textArray(requests.map(\.stream.tenant.rawValue)),
                .textArray(requests.map(\.stream.kind.rawValue)), .int2Array(requests.map(\.stream.priority)),
                .int8Array(requests.map { Int64($0.limit) }), .int8Array(requests.map { $0.since ?? Self.always }),
            ],
            decode: candidate
        )
    }

    /// - Index: the primary key, one id after the other, as in `ClaimStatements.claim`.
    static func available(_ ids: [TaskID]) -> Statement<Candidate> {
        Statement(
            """
            SELECT found.* FROM unnest($1::int8[]) AS given (id) CROSS JOIN LATERAL (
                SELECT tasks.id, tenant_id, kind, priority, run_at FROM tasks
                WHERE tasks.id = given.id AND tasks.state IS NOT DISTINCT FROM 'available' AND NOT tasks.suspect
            ) AS found
            """,
            [.int8Array(ids.map(\.rawValue))],
            decode: candidate
        )
    }

    private static let candidate: @Sendable (PGRow) throws(PostgresError) -> Candidate = { row throws(PostgresError) in
        Candidate(
            id: TaskID(rawValue: try row.int64(0)),
            tenant: TenantID(trusted: try row.text(1)),
            kind: TaskKind(trusted: try row.text(2)),
            priority: try row.int16(3),
            runAt: try row.timestamp(4)
        )
    }

    /// What runs, of the queues, tenants and kinds given.
    ///
    /// - Index: `tasks_running_idx`: as many rows as tasks run.
    static func running(_ scopes: [ControlScope]) -> Statement<(QueueName, TenantID, TaskKind, Int)> {
        var queues: [String] = []
        var tenants: [String] = []
        var kinds: [String] = []
        for scope in scopes {
            switch scope {
            case .queue(let queue): queues.append(queue.rawValue)
            case .tenant(let tenant, _): tenants.append(tenant.rawValue)
            case .kind(let kind): kinds.append(kind.rawValue)
            }
        }
        return Statement(
            """
            SELECT queue, tenant_id, kind, count(*) FROM tasks
            WHERE state = 'running'
                AND (queue = ANY ($1::text[]) OR tenant_id = ANY ($2::text[]) OR kind = ANY ($3::text[]))
            GROUP BY queue, tenant_id, kind
            """,
            [.textArray(queues), .textArray(tenants), .textArray(kinds)]
        ) { row throws(PostgresError) in
            (
                QueueName(trusted: try row.text(0)), TenantID(trusted: try row.text(1)),
                TaskKind(trusted: try row.text(2)), Int(try row.int64(3))
            )
        }
    }
}
