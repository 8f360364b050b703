import SluiceCore
import SluicePostgres
import SluiceQueue
import SluiceStore

/// Short names for what the tests of dispatch do again and again.
struct DispatchFixture {
    let store: Store
    let tasks: PostgresTaskStore
    let worker: WorkerID

    static let noisy = TenantID(trusted: "noisy")
    static let quiet = TenantID(trusted: "quiet")
    static let kind = TaskKind(trusted: "noop")

    init(_ store: Store) async throws {
        self.store = store
        tasks = PostgresTaskStore(store)
        worker = try await Self.register(tasks)
    }

    static func register(_ tasks: PostgresTaskStore) async throws -> WorkerID {
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
                leaseLength: .seconds(120)
            )
        )
        return id
    }

    @discardableResult
    func enqueue(
        _ count: Int,
        tenant: TenantID = .default,
        queue: QueueName = .ingestion,
        kind: TaskKind = kind,
        priority: Int = 5
    ) async throws -> [TaskID] {
        let task = NewTask(tenant: tenant, queue: queue, kind: kind, payload: "{}", priority: priority)
        return try await tasks.enqueue([NewTask](repeating: task, count: count)).map(\.id)
    }

    func claimNext(_ limit: Int, queue: QueueName = .ingestion) async throws -> [ClaimedTask] {
        try await tasks.claimNext(queue: queue, limit: limit, worker: worker)
    }

    func claim(_ ids: [TaskID], queue: QueueName = .ingestion) async throws -> [ClaimedTask] {
        try await tasks.claim(ids, queue: queue, worker: worker)
    }

    func complete(_ claimed: [ClaimedTask]) async throws {
        _ = try await tasks.settle(claimed.map { Settlement($0.fence, .completed) }, worker: worker)
    }

    func setWeight(_ weight: Int, of tenant: TenantID) async throws {
        try await store.ensureTenant(tenant)
        try await store.pool.execute(
            Statement("UPDATE tenants SET weight = $2 WHERE id = $1", [.text(tenant.rawValue), .int4(weight)])
        )
    }
}
