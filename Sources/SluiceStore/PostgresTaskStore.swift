package import SluiceCore
internal import SluicePostgres
package import SluiceQueue

/// The engine's truth on PostgreSQL.
package struct PostgresTaskStore: TaskStore {
    let store: Store
    /// Of what else the pruner removes; nil: nothing.
    package var retention: RetentionPolicy?
    /// How priorities age where tasks are claimed without the relay.
    let aging: AgingOrder
    let memory = ClaimMemory()
    private let depths = PacedLook(atLeast: .seconds(10), share: 30)
    /// For claims whose answer was lost, and for attempts beyond their deadline: neither is in a hurry.
    private let strays = PacedLook(share: 20)
    private let sweeps = PacedLook(share: 20)
    /// Tasks of one INSERT; more go in several, in one transaction.
    private static let enqueueBatch = 5_000

    package init(_ store: Store, aging: AgingOrder = AgingOrder()) {
        self.store = store
        self.aging = aging
    }

    package func enqueue(_ tasks: [NewTask]) async throws -> [EnqueuedTask] {
        if tasks.isEmpty { return [] }
        // Callers who change the tasks of the same keys at once may find each other's locks; nothing was stored then.
        for _ in 0..<4 {
            do { return try await enqueueOnce(tasks) } catch let error as PostgresError
                where error.code == .deadlock || error.code == .serializationFailure
            {}
        }
        return try await enqueueOnce(tasks)
    }

    private func enqueueOnce(_ tasks: [NewTask]) async throws -> [EnqueuedTask] {
        try await store.pool.transaction { transaction in
            var results: [EnqueuedTask] = []
            results.reserveCapacity(tasks.count)
            for start in stride(from: 0, to: tasks.count, by: Self.enqueueBatch) {
                let batch = Array(tasks[start..<min(start + Self.enqueueBatch, tasks.count)])
                results += try await store.enqueue(batch, in: transaction)
            }
            return results
        }
    }

    package func register(_ worker: WorkerRegistration) async throws {
        try await store.pool.execute(WorkerStatements.register(worker))
    }

    package func renew(_ worker: WorkerID, report: WorkerReport, holding: [Fence]) async throws -> Renewal {
        try await store.pool.withConnection { connection in
            guard try await connection.execute(WorkerStatements.renew(worker, report)) == 1 else { return .expired }
            let isWhole = strays.isDue
            let start = Instant.now
            defer { if isWhole { strays.looked(in: start.elapsed) } }
            let differing = try await connection.query(
                isWhole
                    ? WorkerStatements.differing(holding, from: worker) : WorkerStatements.lost(holding, from: worker)
            )
            return .renewed(
                lost: Set(differing.lazy.filter(\.isLost).map(\.fence)),
                strays: Set(differing.lazy.filter { !$0.isLost }.map(\.fence))
            )
        }
    }

    package func claim(_ ids: [TaskID], queue: QueueName, worker: WorkerID) async throws -> [ClaimedTask] {
        try await claimAsStored(ids, queue: queue, worker: worker).map { $0.opened(with: store.payloadKeys) }
    }

    package func claimNext(queue: QueueName, limit: Int, worker: WorkerID) async throws -> [ClaimedTask] {
        try await claimNextAsStored(queue: queue, limit: limit, worker: worker)
            .map { $0.opened(with: store.payloadKeys) }
    }

    package func settle(_ settlements: [Settlement], worker: WorkerID) async throws -> Set<Fence> {
        if settlements.isEmpty { return [] }
        return try await store.settle(settlements)
    }

    package func retire(_ worker: WorkerID) async throws {
        try await store.pool.transaction { transaction in
            try await transaction.execute(WorkerStatements.releaseAll(of: worker))
            try await transaction.execute(WorkerStatements.stop(worker))
        }
    }

    package func lead(as candidate: WorkerID, for length: Duration) async throws -> Int64? {
        try await store.pool.query(WorkerStatements.lead(candidate, length)).first
    }

    package func resign(_ holder: WorkerID) async throws {
        try await store.pool.execute(WorkerStatements.resign(holder))
    }

    package func promoteDue(limit: Int) async throws -> [QueueName: Promotion] {
        Dictionary(try await store.pool.query(DutyStatements.promote(limit))) { first, _ in first }
    }

    package func rescue(limit: Int, term: Int64) async throws -> [RescuedTask] {
        let isWhole = sweeps.isDue
        let start = Instant.now
        defer { if isWhole { sweeps.looked(in: start.elapsed) } }
        let rescued = try await store.pool.query(DutyStatements.rescue(limit: limit, term: term, isWhole: isWhole))
        // Those whose attempt failed or was rescued after somebody asked for an end.
        _ = try await store.pool.query(OrderStatements.settleCancelled(limit: limit, term: term))
        return rescued
    }

    package func goneWorkers(among workers: [WorkerID]) async throws -> [WorkerID] {
        try await store.pool.query(WorkerStatements.gone(among: workers))
    }

    package func prune(retention archive: Duration, term: Int64) async throws -> PruneReport {
        var report = PruneReport()
        report.partitionsCreated = try await store.addArchiveDays()
        report.partitionsDropped = try await store.dropArchiveDays(olderThan: archive)
        try await store.pool.execute(ControlEdits.forgetEmpty())
        report.workersForgotten = try await store.pool.execute(WorkerStatements.forget())
        // Some chunks a round: the next one is an hour away, and nobody waits for it.
        if let retention { _ = try await store.prune(retention, chunks: 200) }
        return report
    }

    package func reportLeader(term: Int64, relayLag: Duration, rescued: Int) async throws {
        try await store.pool.execute(WorkerStatements.reportLeader(term, relayLag, rescued))
        guard depths.isDue else { return }
        let start = Instant.now
        defer { depths.looked(in: start.elapsed) }
        try await store.pool.execute(DepthStatements.refresh(term: term))
    }
}
