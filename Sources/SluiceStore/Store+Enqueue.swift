internal import SluiceCore
package import SluicePostgres
package import SluiceQueue

extension Store {
    /// Stores tasks inside the caller's transaction, in order, and counts them into their batches.
    ///
    /// They exist when that transaction commits; push hints only after its commit has returned.
    package func enqueue(_ tasks: [NewTask], in transaction: PostgresTransaction) async throws -> [EnqueuedTask] {
        for task in tasks { try Self.check(task) }
        let tasks = try sealed(tasks)
        var results = [EnqueuedTask?](repeating: nil, count: tasks.count)
        do {
            for wave in EnqueueWaves.of(tasks) { try await enqueue(wave, of: tasks, into: &results, transaction) }
        } catch let error as PostgresError { throw Self.explained(error) }
        let keyed = zip(tasks, results).filter { $0.0.uniqueKey != nil && $0.1?.wasDuplicate == false }.map(\.0)
        if !keyed.isEmpty { try await transaction.execute(EnqueueStatements.supersedeDead(keyed)) }
        var counts: [BatchID: Int] = [:]
        for (task, result) in zip(tasks, results) {
            if let batch = task.batch, result?.wasDuplicate == false { counts[batch, default: 0] += 1 }
        }
        if !counts.isEmpty { try await transaction.execute(EnqueueStatements.countIntoBatches(counts)) }
        return results.compactMap(\.self)
    }

    func sealed(_ tasks: [NewTask]) throws -> [NewTask] {
        guard payloadKeys.sealingID != nil else { return tasks }
        var tasks = tasks
        for (index, task) in tasks.enumerated() {
            tasks[index].payload = try payloadKeys.seal(
                task.payload,
                tenant: task.tenant,
                kind: task.kind,
                routing: task.routingFields
            )
        }
        return tasks
    }

    private func enqueue(
        _ wave: [Int],
        of tasks: [NewTask],
        into results: inout [EnqueuedTask?],
        _ transaction: PostgresTransaction
    ) async throws {
        var missing = wave
        // A key's bearer may settle, or be claimed or let go, between our insert and our look: then we try again.
        for _ in 0..<5 where !missing.isEmpty {
            for row in try await transaction.query(EnqueueStatements.insert(missing.map { tasks[$0] })) {
                let index = missing[row.position - 1]
                results[index] = EnqueuedTask(
                    id: row.id,
                    resolution: row.isNew ? .created : tasks[index].onConflict == .replace ? .replaced : .rescheduled,
                    queue: row.queue ?? tasks[index].queue,
                    isAvailable: row.isAvailable
                )
            }
            let refused = missing.filter { results[$0] == nil }
            if !refused.isEmpty {
                for row in try await transaction.query(EnqueueStatements.existing(refused.map { tasks[$0] })) {
                    let index = refused[row.position - 1]
                    let policy = tasks[index].onConflict
                    // It has been let go since: not to be kept, but to be changed.
                    if policy != .keep && row.isChangeable { continue }
                    results[index] = EnqueuedTask(
                        id: row.id,
                        resolution: policy == .keep ? .kept : .keptRunning,
                        queue: row.queue,
                        isAvailable: false
                    )
                }
            }
            missing = missing.filter { results[$0] == nil }
        }
        guard missing.isEmpty else { throw PostgresError(.serializationFailure, "unique keys kept changing hands") }
    }

    static func check(_ task: NewTask) throws {
        guard task.payload.utf8.count <= PayloadRule.maxBytes else {
            throw TaskFailure(
                errorClass: "payload.too_large",
                message: "a task of kind '\(task.kind)' has a payload of \(task.payload.utf8.count) bytes; at most "
                    + "\(PayloadRule.maxBytes) are stored: put large content elsewhere and refer to it"
            )
        }
        guard !PayloadKeys.isSealed(task.payload) else {
            throw TaskFailure(
                errorClass: "payload.invalid",
                message:
                    "a task of kind '\(task.kind)' has a payload with the field '\(PayloadKeys.field)', which is kept for "
                    + "sealed payloads: name it otherwise"
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

/// The order in which tasks of one call are stored.
enum EnqueueWaves {
    private struct Key: Hashable {
        let tenant: TenantID
        let kind: TaskKind
        let key: String
    }

    /// Positions of tasks, in groups of one statement each. A single one, except where a key comes twice and must not just be
    /// kept: one statement changes a row once, so the second bearer goes into a later group.
    static func of(_ tasks: [NewTask]) -> [[Int]] {
        guard tasks.contains(where: { $0.uniqueKey != nil && $0.onConflict != .keep }) else {
            return tasks.isEmpty ? [] : [Array(tasks.indices)]
        }
        var waves: [[Int]] = []
        var seen: [Key: Int] = [:]
        for (index, task) in tasks.enumerated() {
            var wave = 0
            if let text = task.uniqueKey {
                let key = Key(tenant: task.tenant, kind: task.kind, key: text)
                wave = seen[key] ?? 0
                seen[key] = wave + 1
            }
            if wave == waves.count { waves.append([]) }
            waves[wave].append(index)
        }
        return waves
    }
}
