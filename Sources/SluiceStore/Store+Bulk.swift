package import SluiceCore
package import SluicePostgres
package import SluiceQueue

/// A kind's row in `kind_defaults`: what SQL need not say when it enqueues such a task.
package struct KindDefaults: Sendable {
    let kind: TaskKind
    let queue: QueueName
    let maxAttempts: Int
    let timeout: Duration
    let payloadVersion: Int
    let routingFields: [String]

    package init<Input: TaskInput>(_: Input.Type) {
        kind = Input.kind
        queue = Input.queue
        maxAttempts = Input.retry.maxAttempts
        timeout = Input.timeout
        payloadVersion = Input.payloadVersion
        routingFields = Input.routingFields
    }
}

extension Store {
    /// Makes a kind known to `enqueue()` in SQL, or changes what is known of it.
    package func define(_ kind: KindDefaults) async throws { try await pool.execute(BulkStatements.define(kind)) }

    /// The call of `enqueue()` in SQL that stores this task, for a connection that is not ours. Its payload is sealed.
    package func enqueueCall(_ task: NewTask) throws -> TextCall {
        let task = try sealed([task])[0]
        let parameters: [String?] = [
            task.kind.rawValue, task.payload, task.queue.rawValue, task.uniqueKey, task.tenant.rawValue,
            "\(task.priority)", "\(task.delay.inSeconds)", "\(task.maxAttempts)",
            "\(max(1, Int(task.timeout.inSeconds.rounded(.up))))", "\(task.payloadVersion)",
            task.batch.map { "\($0)" }, task.onConflict.rawValue,
        ]
        return TextCall(
            """
            SELECT "\(schema)".enqueue($1::text, $2::jsonb, queue => $3::text, unique_key => $4::text, tenant => $5::text,
                priority => $6::integer, delay => make_interval(secs => $7::double precision),
                max_attempts => $8::integer, timeout_seconds => $9::integer, payload_version => $10::integer,
                batch => $11::bigint, on_conflict => $12::text)
            """,
            parameters
        )
    }

    /// Stores very many tasks in one transaction: by binary COPY into a temporary table, since COPY does not go into tables
    /// with row-level security, and from there in one INSERT. Live tasks that have a key are kept.
    ///
    /// - Returns: the ids of the tasks stored, in the order given.
    package func enqueueByCopy(_ tasks: [NewTask]) async throws -> [TaskID] {
        if tasks.isEmpty { return [] }
        for task in tasks { try Self.check(task) }
        var rows = CopyRows()
        for (position, task) in try sealed(tasks).enumerated() {
            try rows.append([
                .int8(Int64(position)), .text(task.tenant.rawValue), .text(task.queue.rawValue),
                .text(task.kind.rawValue), .jsonb(task.payload), .int2(task.payloadVersion), .int2(task.priority),
                .float8(task.delay.inSeconds), .int2(task.maxAttempts),
                .int4(max(1, Int(task.timeout.inSeconds.rounded(.up)))), .optionalInt8(task.batch?.rawValue),
                .optionalText(task.uniqueKey),
            ])
        }
        let staged = rows
        return try await pool.transaction { transaction in
            try await transaction.script(BulkStatements.stage)
            try await transaction.copy(into: "task_stage", columns: BulkStatements.columns, rows: staged)
            let stored: [(position: Int, id: TaskID)]
            do {
                stored = try await transaction.query(BulkStatements.store())
            } catch let error as PostgresError { throw Self.explained(error) }
            let keyed = stored.filter { tasks[$0.position].uniqueKey != nil }.map { tasks[$0.position] }
            if !keyed.isEmpty { try await transaction.execute(EnqueueStatements.supersedeDead(keyed)) }
            var counts: [BatchID: Int] = [:]
            for row in stored { if let batch = tasks[row.position].batch { counts[batch, default: 0] += 1 } }
            if !counts.isEmpty { try await transaction.execute(EnqueueStatements.countIntoBatches(counts)) }
            try await transaction.script("DROP TABLE task_stage")
            return stored.map(\.id)
        }
    }
}

enum BulkStatements {
    static let columns = [
        "position", "tenant", "queue", "kind", "payload", "payload_version", "priority", "delay", "max_attempts",
        "timeout", "batch", "key",
    ]

    static let stage = """
        CREATE TEMP TABLE task_stage (
            position bigint, tenant text, queue text, kind text, payload jsonb, payload_version smallint,
            priority smallint, delay double precision, max_attempts smallint, timeout integer, batch bigint, key text
        ) ON COMMIT DROP
        """

    /// - Index: `tasks_unique_idx` arbitrates; keys are inserted in one order, so that two callers cannot deadlock.
    static func store() -> Statement<(position: Int, id: TaskID)> {
        Statement(
            """
            WITH input AS MATERIALIZED (
                SELECT nextval(pg_get_serial_sequence('tasks', 'id')) AS id, sorted.*
                FROM (SELECT * FROM task_stage ORDER BY position) AS sorted
            ), inserted AS (
                INSERT INTO tasks (
                    id, tenant_id, queue, kind, payload, payload_version, priority, state, run_at, max_attempts,
                    timeout_seconds, batch_id, unique_key
                )
                SELECT id, tenant, queue, kind, payload, payload_version, priority,
                    CASE WHEN delay > 0 THEN 'scheduled' ELSE 'available' END,
                    now() + make_interval(secs => delay), max_attempts, timeout, batch, key
                FROM input WHERE sluice_admit(ARRAY(SELECT DISTINCT tenant FROM input)) ORDER BY key COLLATE "C", position
                ON CONFLICT (tenant_id, kind, unique_key) WHERE unique_key IS NOT NULL DO NOTHING
                RETURNING id
            )
            SELECT input.position, input.id FROM inserted JOIN input USING (id) ORDER BY input.position
            """
        ) { row throws(PostgresError) in (Int(try row.int64(0)), TaskID(rawValue: try row.int64(1))) }
    }

    static func define(_ kind: KindDefaults) -> Statement<Void> {
        Statement(
            """
            INSERT INTO kind_defaults (kind, queue, max_attempts, timeout_seconds, payload_version, routing_fields)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (kind) DO UPDATE SET queue = excluded.queue, max_attempts = excluded.max_attempts,
                timeout_seconds = excluded.timeout_seconds, payload_version = excluded.payload_version,
                routing_fields = excluded.routing_fields
            WHERE excluded.payload_version >= kind_defaults.payload_version
            """,
            [
                .text(kind.kind.rawValue), .text(kind.queue.rawValue), .int2(kind.maxAttempts),
                .int4(max(1, Int(kind.timeout.inSeconds.rounded(.up)))), .int2(kind.payloadVersion),
                .textArray(kind.routingFields),
            ]
        )
    }
}
