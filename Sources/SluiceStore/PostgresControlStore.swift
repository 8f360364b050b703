package import SluiceCore
internal import SluicePostgres
package import SluiceQueue

/// What operators ask of workers, on PostgreSQL.
package struct PostgresControlStore: ControlStore {
    private let store: Store
    private let tasks: PostgresTaskStore
    /// Suspects looked at for one claim: the first may be another's by then, or over a cap.
    private static let look = 256

    package init(_ store: Store) {
        self.store = store
        tasks = PostgresTaskStore(store)
    }

    package func exchange(
        _ worker: WorkerID,
        queues: [QueueName],
        progress: [ProgressReport]
    ) async throws -> ControlOrders {
        if !progress.isEmpty { try await store.pool.execute(OrderStatements.tell(progress)) }
        var orders = ControlOrders()
        for order in try await store.pool.query(OrderStatements.orders(worker, queues)) {
            switch (order.fence, order.text) {
            case (let fence?, let reason): orders.cancelled[fence] = reason ?? ""
            case (nil, let request?): orders.request = WorkerRequest(rawValue: request)
            case (nil, nil): orders.hasSuspects = true
            }
        }
        return orders
    }

    package func claimSuspects(slots: [QueueName: Int], worker: WorkerID) async throws -> [ClaimedTask] {
        let queues = slots.keys.sorted()
        var waiting = try await store.pool.query(OrderStatements.suspects(queues, limit: Self.look))
        while let first = waiting.first {
            // Those that may run with as many others as the oldest, oldest first.
            let alike = waiting.filter { $0.queue == first.queue && $0.group == first.group }
            waiting.removeAll { $0.queue == first.queue && $0.group == first.group }
            let size = min(first.group, slots[first.queue] ?? 1)
            // In a transaction of its own: what another worker has just taken, or a cap holds back, is passed over.
            for start in stride(from: 0, to: alike.count, by: size) {
                let candidates = alike[start..<min(start + size, alike.count)].map(\.task)
                let claimed = try await tasks.weighedClaim(
                    queue: first.queue,
                    worker: worker,
                    limit: size,
                    isSuspect: true
                ) { candidates }
                if !claimed.isEmpty { return claimed.map { $0.opened(with: store.payloadKeys) } }
            }
        }
        return []
    }
}
