import SluiceCore
import SluicePostgres
import SluiceQueue
import SluiceStore

/// What tests of the control of attempts share.
enum ControlFixture {
    static func task(kind: String = "noop", attempts: Int = 3, batch: BatchID? = nil) -> NewTask {
        NewTask(
            tenant: .default,
            queue: .ingestion,
            kind: TaskKind(trusted: kind),
            payload: "{}",
            maxAttempts: attempts,
            batch: batch
        )
    }

    static func worker(_ tasks: PostgresTaskStore, lease: Duration = .seconds(30)) async throws -> WorkerID {
        let id = WorkerID.random()
        try await tasks.register(
            WorkerRegistration(
                id: id,
                role: .worker,
                host: "test",
                pid: 1,
                version: "0",
                queues: [.ingestion],
                concurrency: 4,
                leaseLength: lease
            )
        )
        return id
    }

    static func expire(_ worker: WorkerID, _ store: Store) async throws {
        try await store.pool.execute(
            Statement("UPDATE workers SET lease_expires_at = now() WHERE id = $1", [.uuid(worker)])
        )
    }
}
