package import SluiceCore
package import SluiceDocuments
package import SluicePostgres
package import SluiceQueue
internal import SluiceSystem

/// Whether the gates' evidence lets a version answer: asked in the transaction of the swap.
package typealias SwapEvidence =
    @Sendable (IndexVersionID, PostgresTransaction) async throws -> IndexVersionFacts.Evidence

/// Index versions on PostgreSQL: their lives, and what moves them on.
///
/// Whatever changes which versions are written to, or which one answers, holds the index's lock alone; ingests that go live hold
/// it together. So a version that came to be written to misses no later ingest, and one that stops is not being written to.
package struct PostgresIndexVersions: IndexVersionStore, ChunkSetStore {
    let store: Store
    let announce: @Sendable ([EnqueuedTask]) async -> Void
    /// Nil: there are no gates, and nothing that did not answer before is swapped in.
    let evidence: SwapEvidence?
    package var removal = Removal()

    package init(
        _ store: Store,
        evidence: SwapEvidence? = nil,
        announce: @escaping @Sendable ([EnqueuedTask]) async -> Void
    ) {
        self.store = store
        self.evidence = evidence
        self.announce = announce
    }

    package func version(_ id: IndexVersionID) async throws -> IndexVersionRecord? {
        try await store.pool.query(VersionStatements.one(id)).first
    }

    /// The versions of one index, or of all, newest first.
    package func versions(of index: IndexName? = nil) async throws -> [IndexVersionRecord] {
        try await store.pool.query(VersionStatements.all(of: index))
    }

    /// Whether the HNSW index of a version is there and valid.
    package func hnswIsValid(_ id: IndexVersionID) async throws -> Bool {
        try await store.pool.query(IndexStatements.hnswState(of: id)).first == true
    }

    // MARK: - New versions

    package func create(
        in index: IndexName,
        _ change: IndexVersionChange,
        completing fence: Fence?
    ) async throws -> IndexVersionRecord {
        let (version, tasks) = try await store.pool.transaction { transaction in
            if let fence { try await store.hold(fence, in: transaction) }
            guard let registry = try await transaction.query(IndexStatements.find(index)).first else {
                throw TaskFailure(errorClass: "index.unknown", message: "there is no index '\(index)'")
            }
            // Two at once: the second finds what the first has made.
            try await transaction.execute(VersionStatements.hold(registry.id))
            let versions = try await transaction.query(VersionStatements.all(of: index))
            var tasks: [EnqueuedTask] = []
            var version = versions.first { $0.state.isCandidate }
            if version == nil, let live = versions.first(where: { $0.state == .live }) {
                let spec = try change.applied(to: live.spec)
                if let problem = spec.problem { throw TaskFailure(errorClass: "index.impossible", message: problem) }
                // Another chunker has chunks of its own; all else shares those that are there.
                let isRechunked = spec.chunkerFingerprint != live.spec.chunkerFingerprint
                var set = live.chunkSet
                if isRechunked {
                    let new = ChunkSetStatements.insert(registry.id, spec.chunkerFingerprint)
                    guard let number = try await transaction.query(new).first else {
                        throw PostgresError(.server, "no number of a chunk set came back")
                    }
                    set = number
                }
                let insert = VersionStatements.insert(
                    registry.id,
                    spec,
                    set: set,
                    fills: isRechunked,
                    growth: spec.growth(over: live.spec)
                )
                guard let id = try await transaction.query(insert).first else {
                    throw PostgresError(.server, "no version id came back")
                }
                if let policy = spec.partitions {
                    let large = try await transaction.query(PartitionStatements.large(registry.id, above: policy.above))
                    let chosen = policy.chosen(among: large).map(\.id)
                    try await transaction.execute(PartitionStatements.register(chosen, in: id))
                }
                version = try await transaction.query(VersionStatements.one(id)).first
                if let version {
                    try await transaction.execute(
                        VersionStatements.event(version, "planned", to: .planned, reason: nil)
                    )
                }
            }
            guard let version else {
                throw TaskFailure(errorClass: "index.unknown", message: "index '\(index)' has no live version")
            }
            tasks = try await store.enqueue([Self.drive(version.id)], in: transaction)
            if let fence { try await store.complete(fence, in: transaction) }
            return (version, tasks)
        }
        await announce(tasks)
        return version
    }

    /// The task that takes a version's next steps; there is one at a time.
    static func drive(_ version: IndexVersionID) throws -> NewTask {
        try NewTask(RebuildIndexInput(version: version), tenant: .default, uniqueKey: "version/\(version)")
    }

    /// Lets the version's task run, if there is none: after a dead letter, or to look again.
    package func resume(_ version: IndexVersionID) async throws -> EnqueuedTask? {
        let tasks = try await store.pool.transaction { try await store.enqueue([Self.drive(version)], in: $0) }
        await announce(tasks)
        return tasks.first
    }

    // MARK: - Steps

    package func advance(
        _ id: IndexVersionID,
        _ event: IndexLifecycleEvent,
        _ facts: IndexVersionFacts,
        reason: String?,
        fence: Fence?
    ) async throws -> IndexVersionState {
        if event == .began, try await version(id)?.spec.partitions != nil { try await prepareChunkKey() }
        // A new table refers to chunks: its vacuum may take minutes, during which every ingest would wait behind.
        let strained = event == .began ? ["chunks"] : []
        let (state, tasks) = try await store.seize(.shareRowExclusive, on: strained) { transaction in
            if let fence { try await store.hold(fence, in: transaction) }
            guard let seen = try await transaction.query(VersionStatements.one(id)).first else { throw Self.gone(id) }
            // What it changes for ingests, they must not be in the middle of.
            if event == .began || event == .retired || event == .aborted || event == .failed {
                try await transaction.execute(VersionStatements.lock(seen.index))
            }
            guard let version = try await transaction.query(VersionStatements.hold(id)).first else {
                throw Self.gone(id)
            }
            if event == .began, try await transaction.query(ChunkSetStatements.isKept(version)).first != true {
                throw TaskFailure(
                    errorClass: "index.chunks_gone",
                    message:
                        "the version whose chunks it was to share was retired before it began; abort it and rebuild anew"
                )
            }
            var facts = facts
            if event == .indexed {
                facts.hnswIsValid = try await transaction.query(
                    IndexStatements.hnswState(of: id)
                ).first
            }
            if event == .retired {
                facts.soakIsOver = try await transaction.query(Self.soakIsOver(id)).first
            }
            let step = try IndexLifecycle.next(version.state, event, facts).get()
            let tasks = try await apply(step, to: version, event.name, reason, transaction)
            FailPoint.pass(.beforeCommit)
            return (step.state, tasks)
        }
        FailPoint.pass(.afterCommit)
        await announce(tasks)
        return state
    }

    /// Writes a transition with all that belongs to it. Returns the tasks that it enqueued.
    ///
    /// - Parameter soak: for how long it soaks if it begins to; nil: as long as it was made to.
    func apply(
        _ step: IndexTransition,
        to version: IndexVersionRecord,
        _ name: String,
        _ reason: String?,
        soak: Duration? = nil,
        _ transaction: PostgresTransaction
    ) async throws -> [EnqueuedTask] {
        let soak = soak ?? version.spec.soak
        let touched = try await transaction.execute(
            VersionStatements.move(
                version,
                to: step.state,
                problem: step.state == .failed ? reason : nil,
                soak: soak
            )
        )
        guard touched == 1 else { throw IndexRefusal.moved }
        try await transaction.execute(VersionStatements.event(version, name, to: step.state, reason: reason))
        var tasks: [NewTask] = []
        for effect in step.effects {
            switch effect {
            case .makeTable: try await transaction.execute(VersionStatements.makeTable(version))
            case .drive: tasks.append(try Self.drive(version.id))
            case .point: break  // The swap's own: it knows what it expects there.
            case .drop: tasks.append(try Self.retirement(of: version, after: .zero))
            case .dropLater, .soak: tasks.append(try Self.retirement(of: version, after: soak))
            }
        }
        return try await store.enqueue(tasks, in: transaction)
    }

    /// Each has its own: one may be about to end while another is enqueued, and all but the last find nothing to do.
    private static func retirement(of version: IndexVersionRecord, after delay: Duration) throws -> NewTask {
        try NewTask(RetireIndexInput(version: version.id), tenant: .default, delay: delay)
    }

    private static func soakIsOver(_ version: IndexVersionID) -> Statement<Bool> {
        Statement(
            "SELECT coalesce(soak_until <= now(), false) FROM index_versions WHERE id = $1",
            [.int8(version.rawValue)]
        ) { row throws(PostgresError) in try row.bool(0) }
    }

    static func gone(_ version: IndexVersionID) -> TaskFailure {
        TaskFailure(errorClass: "index.gone", message: "index version \(version) does not exist any more")
    }
}
