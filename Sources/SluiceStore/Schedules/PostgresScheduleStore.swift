package import SluiceCore
internal import SluicePostgres
package import SluiceQueue

/// The engine's truth about schedules on PostgreSQL.
package struct PostgresScheduleStore: ScheduleStore {
    private let store: Store
    private static let forgottenAtOnce = 10_000

    package init(_ store: Store) { self.store = store }

    package func due(limit: Int) async throws -> DueSchedules {
        // In one transaction both see the same now().
        try await store.pool.transaction(readOnly: true) { transaction in
            let schedules = try await transaction.query(ScheduleStatements.due(limit))
            guard let clock = try await transaction.query(ScheduleStatements.clock()).first else {
                throw PostgresError(.server, "no time came back")
            }
            return DueSchedules(schedules: schedules, now: clock.now, next: clock.next.map { .seconds($0) })
        }
    }

    package func fire(_ schedule: ScheduleID, due: UnixTime, plan: FirePlan) async throws -> FireReport? {
        try await store.pool.transaction { transaction in
            let locked = try await transaction.query(ScheduleStatements.lock(schedule, due: due))
            guard let template = locked.first else { return nil }
            let known = Set(try await transaction.query(ScheduleStatements.known(schedule, plan.fires)))
            let admitted = try await store.admit(
                plan.fires.filter { !known.contains($0) },
                of: template,
                in: transaction
            )
            var entries = admitted.entries
            if let missed = plan.missed {
                entries.insert(FireEntry(at: missed.first, how: .skipped, reason: missed.reason), at: 0)
            }
            if !entries.isEmpty { try await transaction.execute(ScheduleStatements.record(entries, of: template)) }
            try await transaction.execute(
                ScheduleStatements.advance(
                    schedule,
                    next: plan.next,
                    waiting: admitted.waiting,
                    last: admitted.entries.last { $0.task != nil }?.at
                )
            )
            return FireReport(
                schedule: schedule,
                tasks: admitted.tasks,
                skipped: admitted.entries.count { $0.how == .skipped },
                isWaiting: admitted.waiting != nil
            )
        }
    }

    package func releaseWaiting(limit: Int) async throws -> [FireReport] {
        var reports: [FireReport] = []
        for schedule in try await store.pool.query(ScheduleStatements.releasable(limit)) {
            let report = try await store.pool.transaction { transaction -> FireReport? in
                guard let template = try await transaction.query(ScheduleStatements.lockWaiting(schedule)).first,
                    let waiting = template.waiting,
                    try await transaction.query(ScheduleStatements.hasLiveTask(schedule)).first == false
                else { return nil }
                let tasks = try await store.enqueue(
                    [try template.task(at: waiting, store.payloadKeys)],
                    in: transaction
                )
                guard let task = tasks.first else { throw PostgresError(.server, "no task came back") }
                try await transaction.execute(ScheduleStatements.release(schedule, waiting, task: task.id))
                return FireReport(schedule: schedule, tasks: tasks, skipped: 0, isWaiting: false)
            }
            if let report { reports.append(report) }
        }
        return reports
    }

    package func setAside(_ schedule: ScheduleID, problem: String, for pause: Duration) async throws {
        try await store.pool.execute(ScheduleStatements.setAside(schedule, problem: problem, for: pause))
    }

    package func forgetFires(olderThan age: Duration) async throws -> Int {
        try await store.pool.execute(ScheduleStatements.forget(olderThan: age, limit: Self.forgottenAtOnce))
    }
}

extension Store {
    /// Enqueues those of the fires that may run beside what runs, and says what becomes of the others.
    fileprivate func admit(
        _ fires: [UnixTime],
        of template: ScheduleTemplate,
        in transaction: PostgresTransaction
    ) async throws -> (entries: [FireEntry], tasks: [EnqueuedTask], waiting: UnixTime?) {
        let asks = template.overlap != .allow && !fires.isEmpty
        let hasLive =
            asks ? try await transaction.query(ScheduleStatements.hasLiveTask(template.id)).first ?? false : false
        var state = OverlapState(policy: template.overlap, hasLive: hasLive, waiting: template.waiting)
        var entries: [FireEntry] = []
        var running: [Int] = []
        for fire in fires {
            switch state.admit(fire) {
            case .enqueue:
                running.append(entries.count)
                entries.append(FireEntry(at: fire, how: .cron))
            case .wait:
                entries.append(FireEntry(at: fire, how: .cron, reason: "waits for the task of an earlier fire"))
            case .skip(let reason): entries.append(FireEntry(at: fire, how: .skipped, reason: reason))
            }
        }
        let tasks = try await enqueue(
            try running.map { try template.task(at: entries[$0].at, payloadKeys) },
            in: transaction
        )
        for (index, task) in zip(running, tasks) { entries[index].task = task.id }
        return (entries, tasks, state.waiting)
    }
}
