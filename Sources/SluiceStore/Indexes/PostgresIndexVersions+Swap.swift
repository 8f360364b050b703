package import SluiceCore
package import SluiceDocuments
internal import SluicePostgres
internal import SluiceQueue
internal import SluiceSystem

extension PostgresIndexVersions {
    /// For so long ingests that go live may be kept waiting by one that wants to swap.
    private static let lockTimeout = [
        (name: "lock_timeout", value: "200"),
        // What is counted before the lock takes its time with many millions of rows.
        (name: "statement_timeout", value: "600000"),
    ]
    /// Chunk ids before the highest that are looked at again under the lock: an ingest that was under way when all were counted
    /// took its ids before.
    private static let margin: Int64 = 2_000
    private static let attempts = 20

    /// The expensive questions are asked before anybody waits; under the lock only what may have changed since. Readers are never
    /// kept waiting: they see the old row until the commit.
    package func swap(to id: IndexVersionID, fence: Fence?) async throws -> SwapReport {
        guard let version = try await version(id) else { throw Self.gone(id) }
        guard let seen = try await store.pool.query(SwapStatements.seen(version.index)).first else {
            throw Self.gone(id)
        }
        // What can be refused at once is.
        guard version.state == .ready || version.state == .soaking else {
            throw IndexRefusal.unexpected(version.state, .swappedIn)
        }
        let gaps = try await gaps(id)
        var attempt = 1
        while true {
            do {
                let (report, tasks) = try await attemptSwap(version, seen, gaps, fence)
                FailPoint.pass(.afterCommit)
                await announce(tasks)
                return report
            } catch let error as PostgresError where error.code == .lockNotAvailable && attempt < Self.attempts {
                // An ingest holds it for longer than others may be kept waiting behind us: let those pass.
                attempt += 1
                try await Task.sleep(for: .milliseconds(Int.random(in: 50...250)))
            }
        }
    }

    private func attemptSwap(
        _ version: IndexVersionRecord,
        _ seen: SwapStatements.Registry,
        _ gaps: IndexGaps,
        _ fence: Fence?
    ) async throws -> (SwapReport, [EnqueuedTask]) {
        try await store.pool.transaction(settings: Self.lockTimeout) { transaction in
            if let fence { try await store.hold(fence, in: transaction) }
            var facts = gaps.facts
            // A rollback goes to what has answered before.
            if version.state == .ready, let evidence { facts.evidence = try await evidence(version.id, transaction) }
            try await transaction.execute(SwapStatements.lookUpOnly())
            let start = Instant.now
            try await transaction.execute(VersionStatements.lock(version.index))
            guard let registry = try await transaction.query(SwapStatements.registry(version.index)).first,
                let candidate = try await transaction.query(VersionStatements.hold(version.id)).first,
                let live = try await transaction.query(VersionStatements.hold(registry.live)).first
            else { throw Self.gone(version.id) }
            facts.isExpected = registry.epoch == seen.epoch && registry.live == seen.live && live.id != candidate.id
            facts.hnswIsValid = try await transaction.query(
                IndexStatements.hnswState(of: version.id)
            ).first
            let outstanding = try await transaction.query(EmbedIndexStatements.outstanding(version.id)).first
            facts.pending = outstanding.map { $0.pending + $0.dead }
            let recent = max(0, gaps.highest - Self.margin)
            let missing = try await transaction.query(BackfillStatements.missing(candidate, from: recent)).first
            facts.missing = missing.map { max($0, gaps.missing) }
            let arrival = try IndexLifecycle.next(candidate.state, .swappedIn, facts).get()
            let departure = try IndexLifecycle.next(live.state, .swappedOut).get()
            // In this order: an index has one live version at any time, also within the transaction.
            let name = version.state == .soaking ? "rolled back" : "swapped"
            // Who made the new version said how long the one before can be gone back to. Back again, it is as it was.
            let soak = version.state == .soaking ? live.spec.soak : candidate.spec.soak
            var tasks = try await apply(departure, to: live, name + " out", nil, soak: soak, transaction)
            tasks += try await apply(arrival, to: candidate, name + " in", nil, transaction)
            guard try await transaction.execute(SwapStatements.point(registry, to: candidate)) == 1 else {
                throw IndexRefusal.moved
            }
            try await transaction.execute(SwapStatements.notify(candidate, epoch: registry.epoch + 1))
            FailPoint.pass(.beforeCommit)
            let report = SwapReport(
                index: candidate.indexName,
                from: live.number,
                to: candidate.number,
                epoch: registry.epoch + 1,
                held: start.elapsed
            )
            return (report, tasks)
        }
    }
}

extension PostgresIndexVersions {
    /// Lets the version answer again that answered last. What answers now soaks, and may be swapped in again.
    package func rollback(_ index: IndexName) async throws -> SwapReport {
        let soaking = try await versions(of: index).filter { $0.state == .soaking }
        guard let last = soaking.max(by: { $0.stateAt < $1.stateAt }) else {
            throw TaskFailure(
                errorClass: "index.no_rollback",
                message: "no version of index '\(index)' soaks: there is nothing to go back to"
            )
        }
        return try await swap(to: last.id, fence: nil)
    }
}
