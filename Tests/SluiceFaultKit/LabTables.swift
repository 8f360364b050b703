package import SluiceCore
internal import SluicePostgres
package import SluiceStore

/// The tables of the effect log and of the enqueuer's own record, beside the queue's own.
package enum LabTables {
    package static let queue = QueueName(trusted: "faults")

    /// Makes them, and the queue that the load goes to.
    package static func create(in store: Store) async throws {
        try await store.pool.withConnection { connection in
            try await connection.script(
                """
                CREATE TABLE lab_enqueued (
                    task_id bigint PRIMARY KEY, steps integer NOT NULL, batch_id bigint, key text, at timestamptz NOT NULL
                );
                CREATE TABLE lab_effects (
                    task_id bigint NOT NULL, lease_token bigint NOT NULL, step integer NOT NULL, worker integer NOT NULL,
                    at timestamptz NOT NULL DEFAULT clock_timestamp()
                );
                CREATE TABLE lab_starts (
                    task_id bigint NOT NULL, lease_token bigint NOT NULL, worker integer NOT NULL,
                    at timestamptz NOT NULL DEFAULT clock_timestamp(), skew_seconds double precision NOT NULL
                );
                CREATE INDEX lab_starts_task_idx ON lab_starts (task_id);
                CREATE TABLE lab_refusals (
                    task_id bigint NOT NULL, lease_token bigint NOT NULL, worker integer NOT NULL,
                    at timestamptz NOT NULL DEFAULT clock_timestamp()
                );
                INSERT INTO queues (name) VALUES ('faults');
                """
            )
        }
    }

    /// The enqueuer's record; run after the insert, in its transaction.
    static func enqueued(_ ids: [TaskID], _ tasks: [LabTask]) -> Statement<Void> {
        Statement(
            """
            INSERT INTO lab_enqueued (task_id, steps, batch_id, key, at)
            SELECT id, steps, batch, key, clock_timestamp()
            FROM unnest($1::int8[], $2::int4[], $3::int8[], $4::text[]) AS given (id, steps, batch, key)
            """,
            [
                .int8Array(ids.map(\.rawValue)), .int4Array(tasks.map { $0.work.loggedSteps }),
                .optionalInt8Array(tasks.map { $0.batch?.rawValue }), .optionalTextArray(tasks.map(\.key)),
            ]
        )
    }

    /// Logs that a handler began; tells how often the task's handlers had begun before.
    static func started(_ fence: Fence, worker: Int32, localSeconds: Double) -> Statement<Int> {
        Statement(
            """
            WITH earlier AS MATERIALIZED (SELECT count(*) AS count FROM lab_starts WHERE task_id = $1),
            logged AS (
                INSERT INTO lab_starts (task_id, lease_token, worker, skew_seconds)
                VALUES ($1, $2, $3, $4 - extract(epoch FROM clock_timestamp())::float8)
            )
            SELECT count FROM earlier
            """,
            [.int8(fence.task.rawValue), .int8(fence.token.rawValue), .int4(Int(worker)), .float8(localSeconds)]
        ) { row throws(PostgresError) in Int(try row.int64(0)) }
    }

    static func effects(_ fence: Fence, steps: Int, worker: Int32) -> Statement<Void> {
        Statement(
            """
            INSERT INTO lab_effects (task_id, lease_token, step, worker)
            SELECT $1, $2, step, $4 FROM generate_series(1, $3) AS step
            """,
            [.int8(fence.task.rawValue), .int8(fence.token.rawValue), .int4(steps), .int4(Int(worker))]
        )
    }

    static func refused(_ fence: Fence, worker: Int32) -> Statement<Void> {
        Statement(
            "INSERT INTO lab_refusals (task_id, lease_token, worker) VALUES ($1, $2, $3)",
            [.int8(fence.task.rawValue), .int8(fence.token.rawValue), .int4(Int(worker))]
        )
    }
}
