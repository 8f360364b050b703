package import SluiceCore

/// Makes a new version of an index, or takes the next steps of one that is on its way.
package struct RebuildIndexInput: TaskInput {
    package static let kind = TaskKind(trusted: "index.rebuild")
    package static let queue = QueueName.maintenance
    /// Of a rebuild's many steps a few may fail; each that does well gives its attempt back.
    package static let retry = RetryPolicy(maxAttempts: 20, base: .seconds(2), cap: .seconds(300))
    package static let timeout = Duration.seconds(6 * 3_600)

    /// The version to drive; nil: one is made first, in `index`.
    package var version: Int64?
    /// Name of an index.
    package var index: String?
    /// In what the new version differs from the live one; nil: it does not.
    package var storage: String?
    package var m: Int?
    package var efConstruction: Int?
    /// Another chunker: characters of a chunk at most, and of these repeated from the one before.
    package var chunkSize: Int?
    package var chunkOverlap: Int?
    /// `current` or `candidate`, as the worker's settings name models.
    package var model: String?
    package var autoSwap: Bool?
    package var soakSeconds: Int?
    /// Tenants with more chunks get a partition of their own, 0: none does; and how many tenants at most.
    package var partitionAbove: Int?
    package var partitionsAtMost: Int?

    package init(version: IndexVersionID) { self.version = version.rawValue }

    package init(index: IndexName) { self.index = index.rawValue }
}

/// Embeds what of an index version has a vector nowhere: chunks in a range of ids, or of one document.
package struct EmbedIndexInput: TaskInput {
    package static let kind = TaskKind(trusted: "index.embed")
    package static let queue = QueueName.embedding
    package static let retry = RetryPolicy(maxAttempts: 8, base: .seconds(2), cap: .seconds(300))
    package static let timeout = Duration.seconds(900)
    /// Finds what is outstanding for a version.
    package static let routingFields = ["version"]
    /// Behind everything that documents wait for.
    package static let rebuildPriority = 9
    package static let documentPriority = 7

    package let version: Int64
    /// Chunk ids, inclusive.
    package var first: Int64?
    package var last: Int64?
    package var document: Int64?

    package init(version: IndexVersionID, first: ChunkID, last: ChunkID) {
        self.version = version.rawValue
        self.first = first.rawValue
        self.last = last.rawValue
    }

    package init(version: IndexVersionID, document: DocumentID) {
        self.version = version.rawValue
        self.document = document.rawValue
    }
}

/// Drops the table of an index version whose time is over.
package struct RetireIndexInput: TaskInput {
    package static let kind = TaskKind(trusted: "index.retire")
    package static let queue = QueueName.maintenance
    package static let retry = RetryPolicy(maxAttempts: 20, base: .seconds(2), cap: .seconds(300))
    package static let timeout = Duration.seconds(600)

    package let version: Int64

    package init(version: IndexVersionID) { self.version = version.rawValue }
}

/// Asks live versions whether they still answer as comparing everything would.
package struct VerifyIndexInput: TaskInput {
    package static let kind = TaskKind(trusted: "index.verify")
    package static let queue = QueueName.maintenance
    package static let retry = RetryPolicy(maxAttempts: 5, base: .seconds(10), cap: .seconds(600))
    package static let timeout = Duration.seconds(3_600)

    /// Name of an index; nil: all.
    package var index: String?

    package init(index: IndexName? = nil) { self.index = index?.rawValue }
}
