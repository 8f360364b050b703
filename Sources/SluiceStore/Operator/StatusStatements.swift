internal import SluiceCore
internal import SluicePostgres

/// What `status` reads: live rows and small tables only, never the archive. Clock: the server's.
enum StatusStatements {
    /// Counts up to `DepthStatements.exact` tasks of a queue and state; of deeper ones it shows the leader's last count.
    ///
    /// - Index: `tasks_streams_idx` for what is ready, `tasks_due_idx` for what waits, `tasks_running_idx`.
    static func queues() -> Statement<StatusSnapshot.Queue> {
        Statement(
            """
            WITH waiting AS MATERIALIZED (
                SELECT queue, state, count(*) AS tasks FROM (
                    SELECT queue, state FROM tasks WHERE state IN ('scheduled', 'retryable')
                    LIMIT \(DepthStatements.exact + 1)
                ) AS some_tasks GROUP BY queue, state
            ), is_deep AS MATERIALIZED (
                SELECT coalesce(sum(tasks), 0) > \(DepthStatements.exact) AS waiting FROM waiting
            ), running AS MATERIALIZED (
                SELECT queue, count(*) AS tasks FROM tasks WHERE state = 'running' GROUP BY queue
            ), depths AS MATERIALIZED (
                SELECT queue, state, tasks FROM queue_depths WHERE counted_at > now() - interval '5 minutes'
            ), counts AS MATERIALIZED (
                SELECT name,
                    \(DepthStatements.capped("tasks", where: "queue = name AND state = 'available'")) AS ready,
                    coalesce((SELECT tasks FROM waiting WHERE queue = name AND state = 'scheduled'), 0) AS scheduled,
                    coalesce((SELECT tasks FROM waiting WHERE queue = name AND state = 'retryable'), 0) AS retryable,
                    \(DepthStatements.capped("dead_letters", where: "queue = name")) AS dead
                FROM queues
            )
            SELECT counts.name,
                CASE WHEN ready <= \(DepthStatements.exact) THEN ready ELSE
                    greatest(ready, (SELECT tasks FROM depths WHERE queue = counts.name AND state = 'available')) END,
                coalesce((SELECT tasks FROM running WHERE queue = counts.name), 0),
                CASE WHEN NOT is_deep.waiting THEN scheduled ELSE
                    greatest(scheduled, (SELECT tasks FROM depths WHERE queue = counts.name AND state = 'scheduled')) END,
                CASE WHEN NOT is_deep.waiting THEN retryable ELSE
                    greatest(retryable, (SELECT tasks FROM depths WHERE queue = counts.name AND state = 'retryable')) END,
                dead,
                extract(epoch FROM clock_timestamp() - (
                    WITH RECURSIVE \(DispatchStatements.skipScan(queue: "counts.name", after: "''"))
                    SELECT min(head.run_at) FROM (SELECT * FROM streams LIMIT 512) AS page CROSS JOIN LATERAL (
                        SELECT run_at FROM tasks
                        WHERE queue = counts.name AND state = 'available' AND tasks.tenant_id = page.tenant_id
                            AND tasks.kind = page.kind AND tasks.priority = page.priority
                        ORDER BY run_at, id LIMIT 1
                    ) AS head
                ))::float8,
                pause.scope IS NOT NULL, pause.pause_reason,
                ready > \(DepthStatements.exact) OR is_deep.waiting OR dead > \(DepthStatements.exact)
            FROM counts CROSS JOIN is_deep LEFT JOIN controls AS pause ON pause.scope = 'queue' AND pause.name = counts.name
                AND pause.paused_at IS NOT NULL AND coalesce(pause.paused_until > now(), true)
            ORDER BY counts.name
            """
        ) { row throws(PostgresError) in
            StatusSnapshot.Queue(
                name: QueueName(trusted: try row.text(0)),
                ready: Int(try row.int64(1)),
                running: Int(try row.int64(2)),
                scheduled: Int(try row.int64(3)),
                retryable: Int(try row.int64(4)),
                dead: Int(try row.int64(5)),
                oldestReadySeconds: try row.optionalFloat8(6),
                isPaused: try row.bool(7),
                pauseReason: try row.optionalText(8),
                isEstimate: try row.bool(9)
            )
        }
    }

    /// Workers that live, and those that ended within the last ten minutes without stopping in order.
    static func workers() -> Statement<StatusSnapshot.Worker> {
        Statement(
            """
            SELECT id, role, host, pid, version, queues, concurrency, state, running, resident_bytes, degraded,
                stale_settlements, extract(epoch FROM clock_timestamp() - started_at)::float8,
                extract(epoch FROM clock_timestamp() - heartbeat_at)::float8, lease_expires_at > clock_timestamp()
            FROM workers
            WHERE state <> 'stopped' AND (lease_expires_at > now() OR heartbeat_at > now() - interval '10 minutes')
            ORDER BY role, queues, started_at
            """
        ) { row throws(PostgresError) in
            StatusSnapshot.Worker(
                id: try row.uuid(0),
                role: try row.text(1),
                host: try row.text(2),
                pid: try row.int32(3),
                version: try row.text(4),
                queues: try row.textArray(5),
                concurrency: try row.int32(6),
                state: try row.text(7),
                running: try row.int32(8),
                residentBytes: try row.int64(9),
                isDegraded: try row.bool(10),
                staleSettlements: try row.int64(11),
                startedSecondsAgo: try row.float8(12),
                heartbeatSecondsAgo: try row.float8(13),
                isLeased: try row.bool(14)
            )
        }
    }

    static func leader() -> Statement<StatusSnapshot.Leader> {
        Statement(
            """
            SELECT CASE WHEN expires_at > now() THEN holder END, term,
                CASE WHEN expires_at > now() THEN extract(epoch FROM now() - acquired_at)::float8 END,
                relay_lag_seconds, extract(epoch FROM now() - swept_at)::float8, rescued,
                (SELECT count(*) FROM workers WHERE role = 'coordinator' AND lease_expires_at > now()
                    AND workers.id IS DISTINCT FROM holder)
            FROM leader
            """
        ) { row throws(PostgresError) in
            StatusSnapshot.Leader(
                holder: try row.optionalUUID(0),
                term: try row.int64(1),
                sinceSeconds: try row.optionalFloat8(2),
                relayLagSeconds: try row.optionalFloat8(3),
                lastSweepSecondsAgo: try row.optionalFloat8(4),
                rescued: try row.int64(5),
                standbys: Int(try row.int64(6))
            )
        }
    }

    static func server() -> Statement<(StatusSnapshot.Server, Int64)> {
        Statement(
            """
            SELECT current_setting('server_version'),
                (SELECT extversion::text FROM pg_extension WHERE extname = 'vector'),
                (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
                current_setting('max_connections')::int4,
                (SELECT max(extract(epoch FROM clock_timestamp() - xact_start))::float8 FROM pg_stat_activity
                 WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid()),
                coalesce((SELECT n_dead_tup FROM pg_stat_user_tables WHERE relid = to_regclass('tasks')), 0),
                clock_timestamp()
            """
        ) { row throws(PostgresError) in
            (
                StatusSnapshot.Server(
                    version: try row.text(0),
                    vectorVersion: try row.optionalText(1),
                    connections: Int(try row.int64(2)),
                    maxConnections: try row.int32(3),
                    oldestTransactionSeconds: try row.optionalFloat8(4),
                    deadTaskRows: try row.int64(5)
                ),
                try row.timestamp(6)
            )
        }
    }

    static func indexes() -> Statement<StatusSnapshot.Index> {
        Statement(
            """
            SELECT indexes.name, live.number, live.id, live.model_fingerprint, indexes.epoch,
                (SELECT count(*) FROM documents WHERE documents.index_id = indexes.id AND documents.state = 'live'),
                (SELECT coalesce(sum(greatest(0, reltuples)), 0)::int8 FROM sluice_embeddings(live.id) AS leaf
                    JOIN pg_class ON pg_class.oid = leaf),
                live.indexed_at IS NOT NULL
            FROM indexes JOIN index_versions AS live ON live.id = indexes.live_version ORDER BY indexes.name
            """
        ) { row throws(PostgresError) in
            StatusSnapshot.Index(
                name: IndexName(trusted: try row.text(0)),
                version: try row.int32(1),
                versionID: IndexVersionID(rawValue: try row.int64(2)),
                model: try row.text(3),
                epoch: try row.int64(4),
                documents: try row.int64(5),
                chunksEstimate: try row.int64(6),
                isIndexed: try row.bool(7)
            )
        }
    }
}

extension Store {
    /// Workers and coordinators that live, and those lost within the last ten minutes.
    package func workers() async throws -> [StatusSnapshot.Worker] {
        try await pool.query(StatusStatements.workers())
    }

    /// Everything that `status` shows, in one transaction, so that the numbers fit together.
    package func status() async throws -> StatusSnapshot {
        try await pool.transaction(readOnly: true, repeatableRead: true) { transaction in
            let queues = try await transaction.query(StatusStatements.queues())
            let workers = try await transaction.query(StatusStatements.workers())
            guard let leader = try await transaction.query(StatusStatements.leader()).first,
                let (server, asOf) = try await transaction.query(StatusStatements.server()).first
            else { throw PostgresError(.undefinedTable, "the leader's row is missing") }
            let indexes = try await transaction.query(StatusStatements.indexes())
            let controls = try await transaction.query(ControlEdits.records())
            return StatusSnapshot(
                queues: queues,
                workers: workers,
                leader: leader,
                server: server,
                indexes: indexes,
                controls: controls,
                asOf: asOf
            )
        }
    }
}
