internal import SluiceCore
internal import SluicePostgres
internal import SluiceQueue

enum EnqueueStatements {
    /// Inserts tasks in the order given. A row whose tenant, kind and key a live task has returns no id.
    ///
    /// - Index: `tasks_unique_idx` arbitrates.
    /// - Clock: the server's `now()`; `run_at = now() + delay`.
    /// - Result: position from 1, the new id, whether it may run now.
    static func insert(_ tasks: [NewTask]) -> Statement<(position: Int, id: TaskID, isAvailable: Bool)> {
        Statement(
            """
            WITH input AS MATERIALIZED (
                SELECT nextval(pg_get_serial_sequence('tasks', 'id')) AS id, given.* FROM unnest(
                    $1::text[], $2::text[], $3::text[], $4::text[], $5::int2[], $6::int2[], $7::float8[], $8::int2[],
                    $9::int4[], $10::int8[], $11::text[]
                ) WITH ORDINALITY AS given (
                    tenant, queue, kind, payload, payload_version, priority, delay, max_attempts, timeout, batch, key,
                    position
                )
            ), inserted AS (
                INSERT INTO tasks (
                    id, tenant_id, queue, kind, payload, payload_version, priority, state, run_at, max_attempts,
                    timeout_seconds, batch_id, unique_key
                )
                SELECT id, tenant, queue, kind, payload::jsonb, payload_version, priority,
                    CASE WHEN delay > 0 THEN 'scheduled' ELSE 'available' END,
                    now() + make_interval(secs => delay), max_attempts, timeout, batch, key
                FROM input ORDER BY position
                ON CONFLICT (tenant_id, kind, unique_key) WHERE unique_key IS NOT NULL DO NOTHING
                RETURNING id, state
            )
            SELECT input.position, inserted.id, inserted.state = 'available' FROM inserted JOIN input USING (id)
            """,
            [
                .textArray(tasks.map(\.tenant.rawValue)), .textArray(tasks.map(\.queue.rawValue)),
                .textArray(tasks.map(\.kind.rawValue)), .textArray(tasks.map(\.payload)),
                .int2Array(tasks.map(\.payloadVersion)), .int2Array(tasks.map(\.priority)),
                .float8Array(tasks.map(\.delay.inSeconds)), .int2Array(tasks.map(\.maxAttempts)),
                .int4Array(tasks.map { max(1, Int($0.timeout.inSeconds.rounded(.up))) }),
                .optionalInt8Array(tasks.map { $0.batch?.rawValue }), .optionalTextArray(tasks.map(\.uniqueKey)),
            ]
        ) { row throws(PostgresError) in
            (Int(try row.int64(0)), TaskID(rawValue: try row.int64(1)), try row.bool(2))
        }
    }

    /// Live tasks by their unique keys. Run after `insert`: rows that another transaction committed meanwhile are seen.
    ///
    /// - Result: position from 1, the existing id.
    static func existing(_ tasks: [NewTask]) -> Statement<(position: Int, id: TaskID)> {
        Statement(
            """
            SELECT given.position, tasks.id
            FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS given (tenant, kind, key, position)
            JOIN tasks ON tasks.tenant_id = given.tenant AND tasks.kind = given.kind AND tasks.unique_key = given.key
            """,
            [
                .textArray(tasks.map(\.tenant.rawValue)), .textArray(tasks.map(\.kind.rawValue)),
                .optionalTextArray(tasks.map(\.uniqueKey)),
            ]
        ) { row throws(PostgresError) in (Int(try row.int64(0)), TaskID(rawValue: try row.int64(1))) }
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
