package import SluiceCore
internal import SluicePostgres
package import SluiceQueue

/// What operators ask of workers, on PostgreSQL.
package struct PostgresControlStore: ControlStore {
    private let store: Store
    private let tasks: PostgresTaskStore
    /// Suspects looked at for one claim: the first may be another's by then, or over a cap.
    private static let look = 64

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

    package func claimSuspect(queues: [QueueName], worker: WorkerID) async throws -> ClaimedTask? {
        let waiting = try await store.pool.query(OrderStatements.suspects(queues, limit: Self.look))
        for (queue, task) in waiting {
            // In a transaction of its own: one that another worker has just taken, or that a cap holds back, is passed over.
            let claimed = try await tasks.weighedClaim(queue: queue, worker: worker, limit: 1, isSuspect: true) {
                [task]
            }
            if let first = claimed.first { return first }
        }
        return nil
    }
}
