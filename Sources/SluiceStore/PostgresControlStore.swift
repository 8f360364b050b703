package import SluiceCore
internal import SluicePostgres
package import SluiceQueue

/// What operators ask of workers, on PostgreSQL.
package struct PostgresControlStore: ControlStore {
    private let store: Store

    package init(_ store: Store) { self.store = store }

    package func exchange(
        _ worker: WorkerID,
        queues: [QueueName],
        progress: [ProgressReport]
    ) async throws -> ControlOrders {
        if !progress.isEmpty { try await store.pool.execute(ControlStatements.tell(progress)) }
        var orders = ControlOrders()
        for order in try await store.pool.query(ControlStatements.orders(worker, queues)) {
            switch (order.fence, order.text) {
            case (let fence?, let reason): orders.cancelled[fence] = reason ?? ""
            case (nil, let request?): orders.request = WorkerRequest(rawValue: request)
            case (nil, nil): orders.hasSuspects = true
            }
        }
        return orders
    }

    package func claimSuspect(queues: [QueueName], worker: WorkerID) async throws -> ClaimedTask? {
        try await store.pool.query(ClaimStatements.claimSuspect(queues: queues, worker: worker)).first
    }
}
