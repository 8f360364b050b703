package import SluiceCore
package import SluiceDocuments
package import SluicePostgres

/// What gates read and keep, on PostgreSQL. Looks at all rows take as long as the configuration's statement time-out lets them: for
/// millions of vectors, minutes.
package struct PostgresGateStore: GateStore {
    let store: Store

    package init(_ store: Store) { self.store = store }

    /// Vectors compared with the embedding cache.
    private static let cacheSample = 10_000

    package func subject(_ version: IndexVersionID, against number: Int?) async throws -> GateSubject? {
        try await store.pool.query(GateStatements.subject(version, against: number)).first
    }

    package func version(of index: IndexName, number: Int?) async throws -> IndexVersionID? {
        try await store.pool.query(GateStatements.version(of: index, number: number)).first
    }

    package func structure(_ subject: GateSubject) async throws -> StructureFacts {
        try await store.pool.transaction(readOnly: true, repeatableRead: true) { transaction in
            var facts = try await start(subject, transaction)
            facts.tenants = try await transaction.query(GateStatements.coverage(subject))
            if let soundness = try await transaction.query(GateStatements.soundness(subject)).first {
                facts.vectors = soundness.vectors
                facts.unsound = soundness.unsound
                facts.strays = soundness.strays
            }
            let cached = try await transaction.query(GateStatements.cached(subject, sample: Self.cacheSample)).first
            facts.cacheCompared = cached?.compared ?? 0
            facts.cacheDiffering = cached?.differing ?? 0
            return facts
        }
    }

    package func outline(_ subject: GateSubject) async throws -> StructureFacts {
        try await store.pool.transaction(readOnly: true, repeatableRead: true) { transaction in
            var facts = try await start(subject, transaction)
            facts.tenants = try await transaction.query(GateStatements.outline(subject))
            facts.vectors = facts.tenants.reduce(0) { $0 + $1.chunks }
            return facts
        }
    }

    private func start(_ subject: GateSubject, _ transaction: PostgresTransaction) async throws -> StructureFacts {
        StructureFacts(
            seesAllTenants: try await transaction.query(GateStatements.seesAllTenants()).first == true,
            tenants: [],
            vectors: 0,
            strays: 0,
            unsound: 0,
            cacheCompared: 0,
            cacheDiffering: 0,
            isIndexValid: try await transaction.query(
                IndexStatements.hnswState(of: subject.version.id)
            ).first
        )
    }

    package func indexes() async throws -> [IndexName] {
        try await store.pool.query(GateStatements.indexes())
    }

    package func sample(
        _ subject: GateSubject,
        tenant: TenantID,
        count: Int,
        seed: UInt64
    ) async throws -> [SampledChunk] {
        try await store.pool.query(GateStatements.sample(subject, tenant, count, seed))
    }

    package func restricted(_ subject: GateSubject, count: Int, seed: UInt64) async throws -> [RestrictedDocument] {
        try await store.pool.query(AccessStatements.restricted(subject, count, seed))
    }

    package func hasRestricted(_ subject: GateSubject) async throws -> Bool {
        try await store.pool.query(AccessStatements.hasRestricted(subject.index)).first ?? false
    }

    package func hidden(_ documents: [DocumentID], from principals: [String]) async throws -> Set<DocumentID> {
        guard !documents.isEmpty else { return [] }
        return Set(try await store.pool.query(AccessStatements.hidden(documents, principals)))
    }

    package func thresholds(of index: IndexID) async throws -> GateThresholds {
        Self.thresholds(try await store.pool.query(GateStatements.thresholds(index)))
    }

    package func setThresholds(_ thresholds: GateThresholds, of index: IndexID) async throws {
        try await store.pool.execute(GateStatements.setThresholds(thresholds, index))
    }

    package func facts(_ subject: GateSubject) async throws -> GateEvidence.Facts {
        let thresholds = try await thresholds(of: subject.index)
        guard let facts = try await store.pool.query(GateRunStatements.facts(subject, thresholds)).first else {
            throw PostgresError(.undefinedObject, "the index version is gone")
        }
        return facts
    }

    package func record(_ run: NewGateRun) async throws -> Int64 {
        try await store.pool.transaction { transaction in
            guard let id = try await transaction.query(GateRunStatements.insert(run)).first else {
                throw PostgresError(.server, "no number of a gate run came back")
            }
            try await transaction.execute(
                run.gates.enumerated().map { GateRunStatements.insert($0.element, at: $0.offset, of: id) }
                    + [
                        IndexStatements.event(
                            run.subject.version.id,
                            run.kind.rawValue,
                            detail: "{\"run\": \(id), \"verdict\": \"\(run.verdict.rawValue)\"}"
                        )
                    ]
            )
            return id
        }
    }

    package func runs(of index: IndexName, limit: Int) async throws -> [GateRun] {
        try await store.pool.transaction(readOnly: true, repeatableRead: true) { transaction in
            let runs = try await transaction.query(GateRunStatements.runs(of: index, limit: limit))
            let gates = try await transaction.query(GateRunStatements.gates(runs.map(\.id)))
            let byRun = Dictionary(grouping: gates, by: \.run)
            return runs.map { run in
                GateRun(
                    id: run.id,
                    version: run.version,
                    number: run.number,
                    other: run.other,
                    kind: run.kind,
                    verdict: run.verdict,
                    at: run.at,
                    seconds: run.seconds,
                    gates: (byRun[run.id] ?? []).compactMap(\.gate)
                )
            }
        }
    }

    package func evidence(_ version: IndexVersionID) async throws -> GateEvidence? {
        try await store.pool.transaction(readOnly: true, repeatableRead: true) { transaction in
            try await Self.evidence(version, in: transaction)
        }
    }

    /// What a swap asks.
    package static let swapEvidence: SwapEvidence = { version, transaction in
        guard let evidence = try await evidence(version, in: transaction), evidence.verdict.passes else { return .none }
        return evidence.staleness == nil ? .fresh : .stale
    }

    /// The newest full run of a version and what has changed since, as this transaction sees it: for whoever swaps. Counts the
    /// version's rows. Nil when it was never judged, or is gone.
    package static func evidence(
        _ version: IndexVersionID,
        in transaction: PostgresTransaction
    ) async throws -> GateEvidence? {
        guard let subject = try await transaction.query(GateStatements.subject(version, against: nil)).first else {
            return nil
        }
        let limits = Self.thresholds(try await transaction.query(GateStatements.thresholds(subject.index)))
        return try await transaction.query(GateRunStatements.evidence(subject, limits)).first
    }

    /// Names that this version of the program does not know are passed over.
    private static func thresholds(_ stored: [(name: String, value: Double)]) -> GateThresholds {
        stored.reduce(into: GateThresholds()) { thresholds, entry in _ = thresholds.set(entry.name, to: entry.value) }
    }
}
