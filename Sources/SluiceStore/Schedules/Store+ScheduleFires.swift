package import SluiceCore
internal import SluicePostgres
package import SluiceQueue

/// What a backfill did, or would do.
package struct BackfillReport: Sendable {
    /// Fires that had not happened, oldest first.
    package let fires: [UnixTime]
    /// Fires that had happened, or wait.
    package let known: Int
    /// Nothing when nothing was to be changed.
    package let tasks: [EnqueuedTask]
}

extension Store {
    package static let largestBackfill = 10_000

    /// Enqueues a schedule's task now, whatever its rule, pause and overlap policy say. Later fires know of it.
    ///
    /// Throws `ScheduleError.notFound`.
    package func triggerSchedule(_ name: ScheduleName, tenant: TenantID) async throws -> EnqueuedTask {
        try await withLocked(name, tenant) { template, transaction in
            let tasks = try await enqueue([try template.task(at: template.now, payloadKeys)], in: transaction)
            guard let task = tasks.first else { throw PostgresError(.server, "no task came back") }
            let entry = FireEntry(at: template.now, how: .trigger, task: task.id)
            try await transaction.execute(ScheduleStatements.record([entry], of: template))
            return task
        }
    }

    /// Enqueues the tasks of past fires that have not happened, whatever pause and overlap policy say. Repeating it does
    /// nothing, as long as the history remembers.
    ///
    /// Throws `ScheduleError.notFound` and, for more than `largestBackfill` fires, `.tooManyFires`.
    ///
    /// - Parameter changes: false: only say what would be done.
    package func backfillSchedule(
        _ name: ScheduleName,
        tenant: TenantID,
        fires: [UnixTime],
        changes: Bool
    ) async throws -> BackfillReport {
        guard fires.count <= Self.largestBackfill else { throw ScheduleError.tooManyFires }
        return try await withLocked(name, tenant) { template, transaction in
            let known = Set(try await transaction.query(ScheduleStatements.known(template.id, fires)))
            let new = fires.filter { !known.contains($0) }
            guard changes, !new.isEmpty else { return BackfillReport(fires: new, known: known.count, tasks: []) }
            let tasks = try await enqueue(try new.map { try template.task(at: $0, payloadKeys) }, in: transaction)
            let entries = zip(new, tasks).map { FireEntry(at: $0, how: .backfill, task: $1.id) }
            try await transaction.execute(ScheduleStatements.record(entries, of: template))
            return BackfillReport(fires: new, known: known.count, tasks: tasks)
        }
    }
}
