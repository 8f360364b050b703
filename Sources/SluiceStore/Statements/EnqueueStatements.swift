internal import SluiceCore
internal import SluicePostgres
internal import SluiceQueue

enum EnqueueStatements {
    /// What became of one task of an insert.
    struct Stored: Sendable {
        /// From 1.
        let position: Int
        let id: TaskID
        let isAvailable: Bool
        /// False: a live task with its key was changed.
        let isNew: Bool
        /// Of a changed task; nil: as given.
        let queue: QueueName?
    }

    /// Inserts tasks in the order given, or changes the live tasks that have their keys. A row whose key a live task has that
    /// may not be changed returns nothing.
    static func insert(_ tasks: [NewTask]) -> Statement<Stored> {
        tasks.contains { $0.uniqueKey != nil && $0.onConflict != .keep } ? upsert(tasks) : insertNew(tasks)
    }

    /// - Index: `tasks_unique_idx` arbitrates. Keys are inserted in one order, so that two callers cannot deadlock.
    /// - Clock: the server's `now()`; `run_at = now() + delay`.
    private static func insertNew(_ tasks: [NewTask]) -> Statement<Stored> {
        Statement(
            """
            WITH input AS MATERIALIZED (
                SELECT nextval(pg_get_serial_sequence('tasks', 'id')) AS id, given.* FROM \(given)
                WHERE sluice_admit($1::text[])
            ), inserted AS (
                \(insertion) FROM input ORDER BY key COLLATE "C", position
                ON CONFLICT (tenant_id, kind, unique_key) WHERE unique_key IS NOT NULL DO NOTHING
                RETURNING id, state
            )
            SELECT input.position, inserted.id, inserted.state = 'available' FROM inserted JOIN input USING (id)
            """,
            parameters(tasks)
        ) { row throws(PostgresError) in
            Stored(
                position: Int(try row.int64(0)),
                id: TaskID(rawValue: try row.int64(1)),
                isAvailable: try row.bool(2),
                isNew: true,
                queue: nil
            )
        }
    }

    /// As `insertNew`, after changing what may be changed: neither running tasks nor those that wait in a workflow. No key
    /// may come twice.
    ///
    /// An UPDATE and an INSERT, not ON CONFLICT DO UPDATE: that would lock running tasks too, whose settling would then wait
    /// for the end of the caller's transaction. Rows are locked in the order of their ids, as settling does.
    /// - Index: `tasks_unique_idx`.
    private static func upsert(_ tasks: [NewTask]) -> Statement<Stored> {
        Statement(
            """
            WITH input AS MATERIALIZED (
                SELECT nextval(pg_get_serial_sequence('tasks', 'id')) AS id, sorted.* FROM (
                    SELECT given.*, policy
                    FROM \(given) JOIN unnest($12::text[]) WITH ORDINALITY AS policies (policy, position) USING (position)
                    WHERE sluice_admit($1::text[])
                    ORDER BY position
                ) AS sorted
            ), found AS MATERIALIZED (
                SELECT tasks.id AS known, input.* FROM input
                JOIN tasks ON tasks.tenant_id = tenant AND tasks.kind = input.kind AND tasks.unique_key = key
                WHERE policy <> 'keep' AND tasks.state IN ('scheduled', 'available', 'retryable') AND tasks.run_at < 'infinity'
                ORDER BY tasks.id FOR UPDATE OF tasks
            ), changed AS (
                UPDATE tasks SET
                    state = CASE WHEN delay <= 0 THEN 'available'
                        WHEN policy = 'reschedule' AND tasks.state = 'retryable' THEN 'retryable' ELSE 'scheduled' END,
                    run_at = now() + make_interval(secs => delay), priority = found.priority,
                    queue = CASE policy WHEN 'replace' THEN found.queue ELSE tasks.queue END,
                    payload = CASE policy WHEN 'replace' THEN found.payload::jsonb ELSE tasks.payload END,
                    payload_version = CASE policy WHEN 'replace' THEN found.payload_version ELSE tasks.payload_version END,
                    max_attempts = CASE policy WHEN 'replace' THEN found.max_attempts ELSE tasks.max_attempts END,
                    timeout_seconds = CASE policy WHEN 'replace' THEN timeout ELSE tasks.timeout_seconds END,
                    attempt = CASE policy WHEN 'replace' THEN 0 ELSE tasks.attempt END,
                    crash_count = CASE policy WHEN 'replace' THEN 0 ELSE tasks.crash_count END,
                    suspect = policy <> 'replace' AND tasks.suspect,
                    solo_crashes = CASE policy WHEN 'replace' THEN 0 ELSE tasks.solo_crashes END
                FROM found WHERE tasks.id = found.known
                RETURNING position, tasks.id, tasks.state, tasks.queue
            ), inserted AS (
                \(insertion) FROM input WHERE position NOT IN (SELECT position FROM changed)
                ORDER BY key COLLATE "C", position
                ON CONFLICT (tenant_id, kind, unique_key) WHERE unique_key IS NOT NULL DO NOTHING
                RETURNING id, state
            )
            SELECT input.position, inserted.id, inserted.state = 'available', true, NULL
            FROM inserted JOIN input USING (id)
            UNION ALL SELECT position, id, state = 'available', false, queue FROM changed
            """,
            parameters(tasks) + [.textArray(tasks.map(\.onConflict.rawValue))]
        ) { row throws(PostgresError) in
            Stored(
                position: Int(try row.int64(0)),
                id: TaskID(rawValue: try row.int64(1)),
                isAvailable: try row.bool(2),
                isNew: try row.bool(3),
                queue: try row.optionalText(4).map { QueueName(trusted: $0) }
            )
        }
    }

    private static let given = """
        unnest(
                    $1::text[], $2::text[], $3::text[], $4::text[], $5::int2[], $6::int2[], $7::float8[], $8::int2[],
                    $9::int4[], $10::int8[], $11::text[]
                ) WITH ORDINALITY AS given (
                    tenant, queue, kind, payload, payload_version, priority, delay, max_attempts, timeout, batch, key,
                    position
                )
        """

    private static let insertion = """
        INSERT INTO tasks (
                    id, tenant_id, queue, kind, payload, payload_version, priority, state, run_at, max_attempts,
                    timeout_seconds, batch_id, unique_key
                )
                SELECT id, tenant, queue, kind, payload::jsonb, payload_version, priority,
                    CASE WHEN delay > 0 THEN 'scheduled' ELSE 'available' END,
                    now() + make_interval(secs => delay), max_attempts, timeout, batch, key
        """

    private static func parameters(_ tasks: [NewTask]) -> [PGValue] {
        [
            .textArray(tasks.map(\.tenant.rawValue)), .textArray(tasks.map(\.queue.rawValue)),
            .textArray(tasks.map(\.kind.rawValue)), .textArray(tasks.map(\.payload)),
            .int2Array(tasks.map(\.payloadVersion)), .int2Array(tasks.map(\.priority)),
            .float8Array(tasks.map(\.delay.inSeconds)), .int2Array(tasks.map(\.maxAttempts)),
            .int4Array(tasks.map { max(1, Int($0.timeout.inSeconds.rounded(.up))) }),
            .optionalInt8Array(tasks.map { $0.batch?.rawValue }), .optionalTextArray(tasks.map(\.uniqueKey)),
        ]
    }

    /// A live task that has a wanted key.
    struct Existing: Sendable {
        /// From 1.
        let position: Int
        let id: TaskID
        let queue: QueueName
        let isChangeable: Bool
    }

    /// Live tasks by their unique keys. Run after `insert`: rows that another transaction committed meanwhile are seen.
    static func existing(_ tasks: [NewTask]) -> Statement<Existing> {
        Statement(
            """
            SELECT given.position, tasks.id, tasks.queue, tasks.state <> 'running' AND tasks.run_at < 'infinity'
            FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS given (tenant, kind, key, position)
            JOIN tasks ON tasks.tenant_id = given.tenant AND tasks.kind = given.kind AND tasks.unique_key = given.key
            """,
            [
                .textArray(tasks.map(\.tenant.rawValue)), .textArray(tasks.map(\.kind.rawValue)),
                .optionalTextArray(tasks.map(\.uniqueKey)),
            ]
        ) { row throws(PostgresError) in
            Existing(
                position: Int(try row.int64(0)),
                id: TaskID(rawValue: try row.int64(1)),
                queue: QueueName(trusted: try row.text(2)),
                isChangeable: try row.bool(3)
            )
        }
    }

    /// Counts new children into their batches, which are open again if they had finished.
    static func countIntoBatches(_ counts: [BatchID: Int]) -> Statement<Void> {
        let sorted = counts.sorted { $0.key < $1.key }
        return Statement(
            """
            WITH roots AS MATERIALIZED (
                SELECT id FROM batches
                WHERE id = ANY (ARRAY(SELECT coalesce(root_id, id) FROM batches WHERE id = ANY ($1::int8[])))
                ORDER BY id FOR NO KEY UPDATE
            )
            UPDATE batches SET total = total + given.count, pending = pending + given.count
            FROM unnest($1::int8[], $2::int8[]) AS given (id, count)
            WHERE batches.id = given.id AND (SELECT count(*) FROM roots) > 0
            """,
            [.int8Array(sorted.map(\.key.rawValue)), .int8Array(sorted.map { Int64($0.value) })]
        )
    }

    /// Dead letters whose work new tasks of the same key take over: to the archive as cancelled, off their batches' dead.
    ///
    /// - Index: `dead_letters_key_idx`.
    static func supersedeDead(_ tasks: [NewTask]) -> Statement<Void> {
        Statement(
            """
            WITH given AS MATERIALIZED (
                SELECT DISTINCT tenant, kind, key FROM unnest($1::text[], $2::text[], $3::text[]) AS given (tenant, kind, key)
            ), gone AS (
                DELETE FROM dead_letters AS letter USING given
                WHERE letter.tenant_id = given.tenant AND letter.kind = given.kind AND letter.unique_key = given.key
                RETURNING letter.*
            ), archived AS (
                INSERT INTO tasks_archive (
                    id, tenant_id, queue, kind, state, attempt, crash_count, payload_version, payload, batch_id,
                    unique_key, reason, created_at
                )
                SELECT id, tenant_id, queue, kind, 'cancelled', attempt, crash_count, payload_version, payload, batch_id,
                    unique_key, 'superseded by a newer task; died of ' || error_class, created_at
                FROM gone
            ), \(BatchAccounting.move("gone", from: .dead, to: .cancelled))
            SELECT count(*) FROM gone
            """,
            [
                .textArray(tasks.map(\.tenant.rawValue)), .textArray(tasks.map(\.kind.rawValue)),
                .optionalTextArray(tasks.map(\.uniqueKey)),
            ]
        )
    }
}
