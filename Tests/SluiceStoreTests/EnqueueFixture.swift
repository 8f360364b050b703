import SluiceCore
import SluicePostgres
import SluiceQueue
import SluiceStore

/// A live task as its row says it, in what enqueueing decides.
struct StoredTask: Equatable, Sendable {
    let tenant: String
    let queue: String
    let kind: String
    let state: String
    let priority: Int
    let attempt: Int
    let maxAttempts: Int
    let timeout: Int
    let payloadVersion: Int
    let payload: String
    let batch: Int64?
    let key: String?
    /// Seconds from the row's making to its `run_at`, rounded.
    let delay: Int
}

extension Store {
    /// The live rows with these ids, in the order of the ids given.
    func stored(_ ids: [TaskID]) async throws -> [StoredTask] {
        try await pool.query(
            Statement(
                """
                SELECT tenant_id, queue, kind, state, priority, attempt, max_attempts, timeout_seconds, payload_version,
                    payload::text, batch_id, unique_key, extract(epoch FROM run_at - created_at)::int8
                FROM unnest($1::int8[]) WITH ORDINALITY AS given (id, position) JOIN tasks USING (id) ORDER BY position
                """,
                [.int8Array(ids.map(\.rawValue))]
            ) { row throws(PostgresError) in
                StoredTask(
                    tenant: try row.text(0),
                    queue: try row.text(1),
                    kind: try row.text(2),
                    state: try row.text(3),
                    priority: try row.int16(4),
                    attempt: try row.int16(5),
                    maxAttempts: try row.int16(6),
                    timeout: try row.int32(7),
                    payloadVersion: try row.int16(8),
                    payload: try row.text(9),
                    batch: try row.optionalInt64(10),
                    key: try row.optionalText(11),
                    delay: Int(try row.int64(12))
                )
            }
        )
    }

    /// A worker that may claim from these queues.
    func testWorker(_ queues: [QueueName]) async throws -> WorkerID {
        let id = WorkerID.random()
        try await PostgresTaskStore(self).register(
            WorkerRegistration(
                id: id,
                role: .worker,
                host: "test",
                pid: 1,
                version: "0",
                queues: queues,
                concurrency: 4,
                leaseLength: .seconds(60)
            )
        )
        return id
    }
}
