package import SluiceCore

/// Why gates run. Raw values are stored.
package enum GateRunKind: String, Sendable, CaseIterable {
    /// In full: what a swap relies on.
    case gates
    /// By hand, with a sample or golden set of the caller's choice: evidence for people only.
    case eval
    /// A look at whether the live version still answers as it did.
    case drift
}

/// A run to be stored.
package struct NewGateRun: Sendable {
    package let subject: GateSubject
    package let kind: GateRunKind
    package let gates: [Gate]
    package let thresholds: GateThresholds
    package let seed: UInt64
    /// As they were when measuring began.
    package let facts: GateEvidence.Facts
    /// How long it took.
    package let duration: Duration

    package init(
        subject: GateSubject,
        kind: GateRunKind,
        gates: [Gate],
        thresholds: GateThresholds,
        seed: UInt64,
        facts: GateEvidence.Facts,
        duration: Duration
    ) {
        self.subject = subject
        self.kind = kind
        self.gates = gates
        self.thresholds = thresholds
        self.seed = seed
        self.facts = facts
        self.duration = duration
    }

    package var verdict: GateVerdict { GateVerdict(of: gates) }
}

/// A run that was stored.
package struct GateRun: Sendable {
    package let id: Int64
    package let version: IndexVersionID
    /// The version's number.
    package let number: Int
    /// The number of the version that it was compared with.
    package let other: Int?
    package let kind: GateRunKind
    package let verdict: GateVerdict
    /// Microseconds since 1970-01-01 UTC.
    package let at: Int64
    package let seconds: Double
    package let gates: [Gate]

    package init(
        id: Int64,
        version: IndexVersionID,
        number: Int,
        other: Int?,
        kind: GateRunKind,
        verdict: GateVerdict,
        at: Int64,
        seconds: Double,
        gates: [Gate]
    ) {
        self.id = id
        self.version = version
        self.number = number
        self.other = other
        self.kind = kind
        self.verdict = verdict
        self.at = at
        self.seconds = seconds
        self.gates = gates
    }
}

/// What gates read of the tables, and where their evidence is kept. Its sessions must see all tenants.
package protocol GateStore: Sendable {
    /// A version and what it is compared with: the version of that number, by default the live one. Nil when it is gone.
    func subject(_ version: IndexVersionID, against number: Int?) async throws -> GateSubject?
    /// The version of this number, by default the live one; nil when there is none.
    func version(of index: IndexName, number: Int?) async throws -> IndexVersionID?
    /// The indexes that have a live version.
    func indexes() async throws -> [IndexName]
    /// Reads every row of the version and of the index's chunks, in one snapshot: seconds for millions.
    func structure(_ subject: GateSubject) async throws -> StructureFacts
    /// Cheap: only whether the session sees everything, and whether the HNSW index is valid; counts are 0, tenants those with
    /// vectors, all counted as covered.
    func outline(_ subject: GateSubject) async throws -> StructureFacts
    /// Chunks of a tenant with the version's vectors, the same ones for the same seed while nothing changes.
    func sample(_ subject: GateSubject, tenant: TenantID, count: Int, seed: UInt64) async throws -> [SampledChunk]
    /// Documents of the index that not everyone may find and that have a vector in the version, the same ones for the same seed while
    /// nothing changes.
    func restricted(_ subject: GateSubject, count: Int, seed: UInt64) async throws -> [RestrictedDocument]
    /// Whether there is a document with chunks that not everyone may find, be it in the version or not.
    func hasRestricted(_ subject: GateSubject) async throws -> Bool
    /// Of these documents, those that somebody with these principals may not find, by their rows alone.
    func hidden(_ documents: [DocumentID], from principals: [String]) async throws -> Set<DocumentID>
    func thresholds(of index: IndexID) async throws -> GateThresholds
    func setThresholds(_ thresholds: GateThresholds, of index: IndexID) async throws
    /// What makes evidence stale when it changes, as it is now.
    func facts(_ subject: GateSubject) async throws -> GateEvidence.Facts
    /// Stores a run with its gates, and an event of the index, in one transaction. Returns its number.
    func record(_ run: NewGateRun) async throws -> Int64
    /// The newest runs of an index's versions, newest first.
    func runs(of index: IndexName, limit: Int) async throws -> [GateRun]
    /// The newest run of kind `gates` with what has changed since; nil when there is none.
    func evidence(_ version: IndexVersionID) async throws -> GateEvidence?
}
