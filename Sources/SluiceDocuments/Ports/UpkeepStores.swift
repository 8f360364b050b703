package import SluiceCore

/// Rows of one sort that went, or would go.
package struct SweptRows: Sendable, Equatable {
    package let name: String
    package let count: Int

    package init(name: String, count: Int) {
        self.name = name
        self.count = count
    }
}

/// How long rows are kept that the leader's pruner does not look after.
package struct SweepPolicy: Sendable, Equatable {
    /// What became of index versions.
    package var events: Duration
    /// Readings of freshness.
    package var readings: Duration
    /// Cached vectors of models that no index version uses; so long a model may be without one.
    package var unusedModels: Duration

    package init(
        events: Duration = .seconds(365 * 86_400),
        readings: Duration = .seconds(90 * 86_400),
        unusedModels: Duration = .seconds(7 * 86_400)
    ) {
        self.events = events
        self.readings = readings
        self.unusedModels = unusedModels
    }
}

/// How far a sort is swept. Made by the store that understands it.
package enum SweepPosition: Sendable, Equatable {
    case start
    /// Among cached vectors: behind this hash of a tenant's and a model's; nil: behind the last of theirs.
    case cached(tenant: String, model: String, hash: [UInt8]?)
}

/// What one step of a sweep came to.
package struct SweepStep: Sendable, Equatable {
    package let removed: Int
    /// Where the next one begins; nil: the sort is through.
    package let next: SweepPosition?

    package init(removed: Int, next: SweepPosition?) {
        self.removed = removed
        self.next = next
    }
}

package protocol RetentionStore: Sendable {
    /// The sorts of rows that are swept, in order.
    var sorts: [String] { get }
    /// Looks at some rows of a sort, and removes those that are too old. One short transaction.
    func sweep(_ sort: String, _ policy: SweepPolicy, from position: SweepPosition, fence: Fence) async throws
        -> SweepStep
}

/// How old documents of a tenant and a source may be.
package struct FreshnessTarget: Sendable {
    package let id: Int64
    package let tenant: TenantID
    /// What URIs begin with.
    package let source: String
    package let maxAge: Duration

    package init(id: Int64, tenant: TenantID, source: String, maxAge: Duration) {
        self.id = id
        self.tenant = tenant
        self.source = source
        self.maxAge = maxAge
    }
}

package struct FreshnessReading: Sendable, Equatable {
    package let documents: Int
    /// Those whose source was read longer ago than the target allows, or never.
    package let stale: Int
    /// Nil without documents.
    package let oldest: Duration?

    package init(documents: Int, stale: Int, oldest: Duration?) {
        self.documents = documents
        self.stale = stale
        self.oldest = oldest
    }
}

package protocol FreshnessStore: Sendable {
    func targets() async throws -> [FreshnessTarget]
    /// Measures and keeps the reading.
    func measure(_ target: FreshnessTarget, fence: Fence) async throws -> FreshnessReading
    /// Asks for at most `limit` stale documents to be ingested again, those that are not under way. Returns how many.
    func reingest(_ target: FreshnessTarget, limit: Int) async throws -> Int
}

/// What was read into memory.
package struct WarmedRelation: Sendable, Equatable {
    package let name: String
    package let blocks: Int

    package init(name: String, blocks: Int) {
        self.name = name
        self.blocks = blocks
    }
}

package protocol UpkeepStore: Sendable {
    /// Analyses tables of which much has changed since the last time. Returns their names.
    func refreshStatistics() async throws -> [String]
    /// Looks at some thousands of the words that chunks have or had, from `position` (0: the first) on, and removes those that no chunk
    /// has any more, and second entries. Returns how many, and where to go on; nil: that were the last.
    func removeUnusedWords(from position: Int64) async throws -> (removed: Int, next: Int64?)
    /// Reads tables of live vectors and their indexes into the server's memory; nil: the server has no pg_prewarm.
    func warm() async throws -> [WarmedRelation]?
}
