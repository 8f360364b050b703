package import SluiceCore
internal import SluicePostgres
package import SluiceQueue

/// What cancelling came to.
package struct CancelReport: Sendable, Equatable {
    /// Waited, and are settled.
    package var cancelled: [TaskID] = []
    /// Run; their workers stop them, or whoever gets them next.
    package var asked: [TaskID] = []

    package init() {}
}

extension Store {
    /// Rows of one statement: a bulk command must not hold thousands of rows while others want to claim them.
    private static let chunk = 1_000

    /// Cancels live tasks that fit. Waiting ones end at once; running ones are told to, and end as cancelled unless they
    /// complete first. Settled and dead ones are left alone.
    package func cancel(_ filter: TaskFilter, reason: String, limit: Int = .max) async throws -> CancelReport {
        var report = CancelReport()
        guard filter.mayMatch(.live) else { return report }
        try await inChunks(limit) { count in
            let rows = try await pool.query(
                OperatorStatements.cancel(filter, reason: String(reason.prefix(500)), limit: count)
            )
            report.cancelled += rows.lazy.filter(\.isEnded).map(\.id)
            report.asked += rows.lazy.filter { !$0.isEnded }.map(\.id)
            return rows.count
        }
        return report
    }

    /// Makes failed tasks that wait for their next attempt available, and with `all` also those that never failed.
    ///
    /// - Returns: what to hint at.
    package func hurry(_ filter: TaskFilter, all: Bool, limit: Int = .max) async throws -> [EnqueuedTask] {
        var hurried: [EnqueuedTask] = []
        guard filter.mayMatch(.live) else { return hurried }
        try await inChunks(limit) { count in
            let rows = try await pool.query(OperatorStatements.hurry(filter, all: all, limit: count))
            hurried += rows.map {
                EnqueuedTask(id: $0.id, wasDuplicate: false, queue: $0.queue, isAvailable: true)
            }
            return rows.count
        }
        return hurried
    }

    /// Lets tasks that wait do so for `duration` from now. Running ones are left alone.
    package func snooze(_ ids: [TaskID], for duration: Duration) async throws -> [TaskID] {
        try await pool.query(OperatorStatements.snooze(TaskFilter(ids: ids), duration, limit: ids.count))
    }

    /// - Parameter priority: 0...9, smaller first.
    /// - Returns: the tasks whose priority changed.
    package func prioritize(_ ids: [TaskID], _ priority: Int) async throws -> [TaskID] {
        try await pool.query(OperatorStatements.prioritize(TaskFilter(ids: ids), priority, limit: ids.count))
    }

    private func inChunks(_ limit: Int, _ body: (Int) async throws -> Int) async throws {
        var left = limit
        while left > 0 {
            let count = min(left, Self.chunk)
            let done = try await body(count)
            if done < count { return }
            left -= done
        }
    }

    // MARK: - Workers

    /// Workers with a valid lease by their id or its beginning, host, `host:pid`, or `all`.
    package func findWorkers(_ text: String) async throws -> [WorkerID] {
        try await pool.query(OperatorStatements.findWorkers(text))
    }

    /// The worker learns of it with its next exchange, within about a second. False when it has no valid lease.
    package func ask(_ worker: WorkerID, _ request: WorkerRequest) async throws -> Bool {
        try await pool.execute(OperatorStatements.ask(worker, request.rawValue)) == 1
    }

    /// Ends a worker's lease and gives its tasks back at once, attempts refunded: a worker that hangs or cannot be reached
    /// holds nothing any more, and whatever it still writes is refused. A worker that is well begins anew under another id.
    ///
    /// False when it has no valid lease.
    package func evict(_ worker: WorkerID) async throws -> Bool {
        try await pool.transaction { transaction in
            guard try await transaction.execute(OperatorStatements.evict(worker)) == 1 else { return false }
            try await transaction.execute(WorkerStatements.releaseAll(of: worker))
            return true
        }
    }
}
