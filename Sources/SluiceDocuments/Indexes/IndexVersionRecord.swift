package import SluiceCore

/// An index version as the registry has it.
package struct IndexVersionRecord: Sendable {
    package let id: IndexVersionID
    package let index: IndexID
    package let indexName: IndexName
    /// From 1, within its index.
    package let number: Int
    package let state: IndexVersionState
    /// Of its index, from 1: versions of one set share chunks.
    package let chunkSet: Int
    /// Documents up to this id have been looked at by the present pass that fills the set; nil: it was filled by others.
    package let documentCursor: Int64?
    package let spec: IndexVersionSpec
    /// Chunks up to this id have been looked at by the present pass of the backfill.
    package let cursor: Int64
    /// Passes that the backfill has begun anew.
    package let passes: Int
    /// Chunks of the index when it began; vectors copied and embedded since.
    package let planned: Int
    package let copied: Int
    package let embedded: Int
    /// Why it does not go on, or did not.
    package let problem: String?
    /// Microseconds since 1970-01-01 UTC.
    package let createdAt: Int64
    package let stateAt: Int64
    package let indexedAt: Int64?
    package let soakUntil: Int64?
    package let droppedAt: Int64?
    /// Tenants with a partition of their own; 0 once its table is gone.
    package let partitions: Int

    package init(
        id: IndexVersionID,
        index: IndexID,
        indexName: IndexName,
        number: Int,
        state: IndexVersionState,
        chunkSet: Int,
        documentCursor: Int64?,
        spec: IndexVersionSpec,
        cursor: Int64,
        passes: Int,
        planned: Int,
        copied: Int,
        embedded: Int,
        problem: String?,
        createdAt: Int64,
        stateAt: Int64,
        indexedAt: Int64?,
        soakUntil: Int64?,
        droppedAt: Int64?,
        partitions: Int
    ) {
        self.id = id
        self.index = index
        self.indexName = indexName
        self.number = number
        self.state = state
        self.chunkSet = chunkSet
        self.documentCursor = documentCursor
        self.spec = spec
        self.cursor = cursor
        self.passes = passes
        self.planned = planned
        self.copied = copied
        self.embedded = embedded
        self.problem = problem
        self.createdAt = createdAt
        self.stateAt = stateAt
        self.indexedAt = indexedAt
        self.soakUntil = soakUntil
        self.droppedAt = droppedAt
        self.partitions = partitions
    }
}

/// What an index version is to be.
package struct IndexVersionSpec: Sendable, Equatable {
    package var model: ModelIdentity
    package var chunkerFingerprint: String
    package var storage: VectorStorage
    /// Links of a node in the HNSW graph, 2...100, and how many candidates are looked at for them, 4...1,000.
    package var m: Int
    package var efConstruction: Int
    /// Swapped in by itself once its gates say GO.
    package var isAutoSwap: Bool
    /// How long it is written to after a swap took its place.
    package var soak: Duration
    /// Which tenants have a partition of their own; nil: it is one table for all.
    package var partitions: PartitionPolicy?

    package init(
        model: ModelIdentity,
        chunkerFingerprint: String,
        storage: VectorStorage = .halfvec,
        m: Int = 16,
        efConstruction: Int = 64,
        isAutoSwap: Bool = false,
        soak: Duration = .seconds(86_400),
        partitions: PartitionPolicy? = nil
    ) {
        self.model = model
        self.chunkerFingerprint = chunkerFingerprint
        self.storage = storage
        self.m = m
        self.efConstruction = efConstruction
        self.isAutoSwap = isAutoSwap
        self.soak = soak
        self.partitions = partitions
    }

    /// Ten years.
    private static let longestSoak = 315_360_000

    /// How many chunks come of one of another spec's, by the sizes of their chunkers; 1 where one of them does not say.
    package func growth(over other: IndexVersionSpec) -> Double {
        guard let own = Chunker(fingerprint: chunkerFingerprint)?.configuration,
            let theirs = Chunker(fingerprint: other.chunkerFingerprint)?.configuration
        else { return 1 }
        return Double(max(1, theirs.chunkSize - theirs.overlap)) / Double(max(1, own.chunkSize - own.overlap))
    }

    /// How often a character stands in chunks, about.
    var repetition: Double {
        guard let own = Chunker(fingerprint: chunkerFingerprint)?.configuration else { return 1 }
        return Double(own.chunkSize) / Double(max(1, own.chunkSize - own.overlap))
    }

    /// What makes it impossible; nil: nothing.
    package var problem: String? {
        if !(2...100).contains(m) { return "m must be 2 to 100, not \(m)" }
        if !(4...1_000).contains(efConstruction) { return "ef_construction must be 4 to 1000, not \(efConstruction)" }
        // Only of an m in its range: the product of another may not fit.
        if efConstruction < 2 * m { return "ef_construction must be at least twice m, \(2 * m), not \(efConstruction)" }
        if soak < .zero || soak > .seconds(Self.longestSoak) {
            return "a soak lasts 0 to \(Self.longestSoak) seconds"
        }
        if model.dimension > storage.maxDimension {
            return
                "an HNSW index takes \(storage.rawValue)s of at most \(storage.maxDimension) numbers; the model makes "
                + "\(model.dimension)"
        }
        return partitions?.problem
    }
}
