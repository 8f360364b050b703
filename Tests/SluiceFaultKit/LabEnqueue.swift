internal import SluiceCore
internal import SluicePostgres
package import SluiceQueue
package import SluiceStore

extension Store {
    /// Enqueues tasks of the load and records them, in one transaction of the caller's.
    func enqueueLab(_ tasks: [LabTask], in transaction: PostgresTransaction) async throws -> [EnqueuedTask] {
        let enqueued = try await enqueue(try tasks.map { try $0.newTask() }, in: transaction)
        let stored = zip(enqueued, tasks).filter { !$0.0.wasDuplicate }
        if !stored.isEmpty {
            try await transaction.execute(LabTables.enqueued(stored.map(\.0.id), stored.map(\.1)))
        }
        return enqueued
    }

    /// Enqueues and records in a transaction of its own.
    package func enqueueLab(_ tasks: [LabTask]) async throws -> [EnqueuedTask] {
        try await pool.transaction { try await enqueueLab(tasks, in: $0) }
    }
}
