internal import SluiceCore
package import SluicePostgres
package import SluiceQueue

extension Store {
    /// Stores tasks inside the caller's transaction, in order, and counts them into their batches.
    ///
    /// They exist when that transaction commits; push hints only after its commit has returned.
    package func enqueue(_ tasks: [NewTask], in transaction: PostgresTransaction) async throws -> [EnqueuedTask] {
        var results = [EnqueuedTask?](repeating: nil, count: tasks.count)
        var missing = Array(tasks.indices)
        // A key's bearer may settle between our insert and our look: then there is room for the task after all.
        for _ in 0..<5 where !missing.isEmpty {
            let batch = missing.map { tasks[$0] }
            for task in batch { try Self.check(task) }
            for row in try await transaction.query(EnqueueStatements.insert(batch)) {
                let index = missing[row.position - 1]
                results[index] = EnqueuedTask(
                    id: row.id,
                    wasDuplicate: false,
                    queue: tasks[index].queue,
                    isAvailable: row.isAvailable
                )
            }
            let refused = missing.filter { results[$0] == nil }
            if !refused.isEmpty {
                for row in try await transaction.query(EnqueueStatements.existing(refused.map { tasks[$0] })) {
                    let index = refused[row.position - 1]
                    results[index] = EnqueuedTask(
                        id: row.id,
                        wasDuplicate: true,
                        queue: tasks[index].queue,
                        isAvailable: false
                    )
                }
            }
            missing = missing.filter { results[$0] == nil }
        }
        guard missing.isEmpty else { throw PostgresError(.serializationFailure, "unique keys kept changing hands") }
        let keyed = zip(tasks, results).filter { $0.0.uniqueKey != nil && $0.1?.wasDuplicate == false }.map(\.0)
        if !keyed.isEmpty { try await transaction.execute(EnqueueStatements.supersedeDead(keyed)) }
        var counts: [BatchID: Int] = [:]
        for (task, result) in zip(tasks, results) {
            if let batch = task.batch, result?.wasDuplicate == false { counts[batch, default: 0] += 1 }
        }
        if !counts.isEmpty { try await transaction.execute(EnqueueStatements.countIntoBatches(counts)) }
        return results.compactMap(\.self)
    }

    private static func check(_ task: NewTask) throws {
        guard task.payload.utf8.count <= PayloadRule.maxBytes else {
            throw TaskFailure(
                errorClass: "payload.too_large",
                message: "a task of kind '\(task.kind)' has a payload of \(task.payload.utf8.count) bytes; at most "
                    + "\(PayloadRule.maxBytes) are stored: put large content elsewhere and refer to it"
            )
        }
        guard (0...9).contains(task.priority), (1...32_767).contains(task.maxAttempts) else {
            throw TaskFailure(
                errorClass: "task.invalid",
                message: "a task of kind '\(task.kind)' needs a priority of 0 to 9 and 1 to 32767 attempts"
            )
        }
    }
}
