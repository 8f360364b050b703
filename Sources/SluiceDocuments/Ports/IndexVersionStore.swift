package import SluiceCore

/// Index versions on their way, as the tasks that drive them see them. Implemented on PostgreSQL by SluiceStore.
///
/// Methods with a `Fence` throw `StaleLease` with nothing written when the lease was lost.
package protocol IndexVersionStore: Sendable {
    func version(_ id: IndexVersionID) async throws -> IndexVersionRecord?

    /// What a version like the live one but for `change` would be, and what is known for its plan.
    ///
    /// Throws `TaskFailure` `index.unknown`.
    func plan(
        _ index: IndexName,
        _ change: IndexVersionChange
    ) async throws -> (spec: IndexVersionSpec, facts: IndexPlan.Facts)

    /// Registers a new version of an index, like its live one but for `change`, with the task that drives it, and completes the
    /// calling task in that transaction. Returns the one that is on its way already, if there is one.
    ///
    /// Throws `TaskFailure` `index.unknown`, `index.impossible`.
    func create(
        in index: IndexName,
        _ change: IndexVersionChange,
        completing fence: Fence?
    ) async throws -> IndexVersionRecord

    /// Lets something happen to a version: its state, an event, and what belongs to it, in one transaction. Facts that are not
    /// given are read there.
    ///
    /// Throws `IndexRefusal`.
    @discardableResult
    func advance(
        _ version: IndexVersionID,
        _ event: IndexLifecycleEvent,
        _ facts: IndexVersionFacts,
        reason: String?,
        fence: Fence?
    ) async throws -> IndexVersionState

    /// The next bounded step of a version that is `building`: vectors of at most `limit` chunks, from another version with the
    /// same model, then from the cache, and tasks for what has none anywhere. Creates only: what is there stays as it is.
    func backfill(_ version: IndexVersionID, limit: Int, fence: Fence) async throws -> BackfillStep

    /// Begins the backfill anew after this chunk.
    func restartBackfill(_ version: IndexVersionID, after chunk: Int64, fence: Fence) async throws

    /// Counts what is missing, in pieces, while everything else goes on.
    func gaps(_ version: IndexVersionID) async throws -> IndexGaps

    /// Tasks that are to bring vectors to a version: live ones, and dead letters.
    func outstanding(_ version: IndexVersionID) async throws -> (pending: Int, dead: Int)

    /// Removes vectors whose chunk is none of the index's. Returns how many.
    func sweep(_ version: IndexVersionID, fence: Fence) async throws -> Int

    /// Notes why a version does not go on; nil: it does.
    func note(_ problem: String?, on version: IndexVersionID, fence: Fence) async throws

    /// Lets a version answer that is `ready`, or `soaking` for a rollback.
    ///
    /// Throws `IndexRefusal`; `PostgresError` `lockNotAvailable` when writers did not let it through.
    func swap(to version: IndexVersionID, fence: Fence?) async throws -> SwapReport

    /// Drops the table of a version whose time is over, and what nothing else needs. `later`: not yet, ask again after so long.
    /// `clearing`: there is much of it, ask again at once.
    func retire(_ version: IndexVersionID, isForced: Bool, fence: Fence?) async throws -> Retirement
}

/// In what a new version differs from the live one; nil: it does not.
package struct IndexVersionChange: Sendable, Equatable {
    package var model: ModelIdentity?
    package var storage: VectorStorage?
    package var m: Int?
    package var efConstruction: Int?
    package var isAutoSwap: Bool
    package var soak: Duration?
    /// Characters of a chunk at most, and of these repeated from the one before: another than the live version's means chunks of its
    /// own.
    package var chunkSize: Int?
    package var overlap: Int?
    package var partitions: PartitionChange?

    package init(
        model: ModelIdentity? = nil,
        storage: VectorStorage? = nil,
        m: Int? = nil,
        efConstruction: Int? = nil,
        isAutoSwap: Bool = false,
        soak: Duration? = nil,
        chunkSize: Int? = nil,
        overlap: Int? = nil,
        partitions: PartitionChange? = nil
    ) {
        self.model = model
        self.storage = storage
        self.m = m
        self.efConstruction = efConstruction
        self.isAutoSwap = isAutoSwap
        self.soak = soak
        self.chunkSize = chunkSize
        self.overlap = overlap
        self.partitions = partitions
    }

    /// - Throws: `TaskFailure` `index.impossible`: the chunker cannot be changed so.
    package func applied(to live: IndexVersionSpec) throws(TaskFailure) -> IndexVersionSpec {
        var spec = live
        if chunkSize != nil || overlap != nil { spec.chunkerFingerprint = try rechunked(live.chunkerFingerprint) }
        spec.model = model ?? live.model
        spec.storage = storage ?? live.storage
        spec.m = m ?? live.m
        spec.efConstruction = efConstruction ?? live.efConstruction
        spec.isAutoSwap = isAutoSwap
        spec.soak = soak ?? .seconds(86_400)
        if let partitions { spec.partitions = partitions.policy }
        return spec
    }

    private func rechunked(_ fingerprint: String) throws(TaskFailure) -> String {
        func impossible(_ message: String) -> TaskFailure {
            TaskFailure(errorClass: "index.impossible", message: message)
        }
        guard let chunker = Chunker(fingerprint: fingerprint) else {
            throw impossible("the live version's chunker is none that this program knows: \(fingerprint)")
        }
        do {
            return try chunker.resized(chunkSize: chunkSize, overlap: overlap).fingerprint
        } catch {
            throw impossible(error.description)
        }
    }
}

/// What one step of a backfill did.
package struct BackfillStep: Sendable, Equatable {
    /// Chunks of the index looked at, vectors copied, chunks for which a task was enqueued.
    package let seen: Int
    package let copied: Int
    package let toEmbed: Int
    /// True when there are no further chunks.
    package let isAtEnd: Bool

    package init(seen: Int, copied: Int, toEmbed: Int, isAtEnd: Bool) {
        self.seen = seen
        self.copied = copied
        self.toEmbed = toEmbed
        self.isAtEnd = isAtEnd
    }
}

/// In what a version differs from the chunks of its index.
package struct IndexGaps: Sendable, Equatable {
    /// Chunks without a vector of their text, and the first of them.
    package var missing = 0
    package var firstMissing: Int64?
    /// Documents without any chunk in the version's set, where it fills one.
    package var uncut = 0
    /// Vectors whose chunk is none of the index's, or has another text.
    package var surplus = 0
    /// Tasks that are to bring vectors: live ones, and dead letters.
    package var pending = 0
    package var dead = 0
    /// The greatest id of a chunk when it was counted.
    package var highest: Int64 = 0

    package init() {}

    package var isWhole: Bool { missing == 0 && uncut == 0 && surplus == 0 && pending == 0 && dead == 0 }

    package var facts: IndexVersionFacts {
        IndexVersionFacts(missing: missing + uncut, surplus: surplus, pending: pending + dead)
    }
}

package struct SwapReport: Sendable, Equatable {
    package let index: IndexName
    /// Numbers of versions.
    package let from: Int
    package let to: Int
    package let epoch: Int64
    /// How long no ingest could go live: at most, from asking for the lock to the commit.
    package let held: Duration

    package init(index: IndexName, from: Int, to: Int, epoch: Int64, held: Duration) {
        self.index = index
        self.from = from
        self.to = to
        self.epoch = epoch
        self.held = held
    }
}

package enum Retirement: Sendable, Equatable {
    /// The table is gone; so many vectors of a model that nothing uses any more left the cache.
    case dropped(uncached: Int)
    case wasDropped
    /// The table is gone; of what belonged to it there is more to remove: ask again.
    case clearing
    case later(Duration)
    /// It answers, or is on its way to.
    case needed
}
