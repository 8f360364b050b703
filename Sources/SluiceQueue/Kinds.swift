package import SluiceCore

/// Reads a document, cuts it into chunks and stages them.
package struct IngestDocumentInput: TaskInput {
    package static let kind = TaskKind(trusted: "document.ingest")
    package static let queue = QueueName.ingestion
    /// A document that crashes or hangs its reader does so again most likely: three attempts tell chance from nature.
    package static let retry = RetryPolicy(maxAttempts: 3, base: .seconds(1), cap: .seconds(30))
    package static let timeout = Duration.seconds(600)

    /// A registered document; nil: `uri` says which.
    package let document: Int64?
    /// `file://…`, as applications that enqueue in SQL name it: the document is registered first, then ingested.
    package let uri: String?
    /// With `uri`: the name of the index to fill; nil: `default`.
    package let index: String?
    /// With `uri`: what is said of the document; nil leaves it as it is.
    package let metadata: [String: JSONValue]?
    package let tags: [String]?
    package let principals: [String]?

    package init(document: DocumentID) {
        self.document = document.rawValue
        (uri, index, metadata, tags, principals) = (nil, nil, nil, nil, nil)
    }

    package init(
        uri: String,
        index: IndexName? = nil,
        metadata: [String: JSONValue]? = nil,
        tags: [String]? = nil,
        principals: [String]? = nil
    ) {
        document = nil
        self.uri = uri
        self.index = index?.rawValue
        self.metadata = metadata
        self.tags = tags
        self.principals = principals
    }
}

/// Embeds the staged chunks of a version in a range of ordinals; the last one makes the version live.
package struct EmbedChunksInput: TaskInput {
    package static let kind = TaskKind(trusted: "chunks.embed")
    package static let queue = QueueName.embedding
    package static let retry = RetryPolicy(maxAttempts: 8, base: .seconds(2), cap: .seconds(300))
    package static let timeout = Duration.seconds(900)
    /// Finds the dead windows of a document version.
    package static let routingFields = ["version"]

    package let document: Int64
    package let version: Int64
    /// Inclusive.
    package let first: Int
    package let last: Int

    package init(document: Int64, version: Int64, first: Int, last: Int) {
        self.document = document
        self.version = version
        self.first = first
        self.last = last
    }
}

/// Builds the HNSW index of an index version.
package struct BuildIndexInput: TaskInput {
    package static let kind = TaskKind(trusted: "index.build")
    package static let queue = QueueName.maintenance
    package static let retry = RetryPolicy(maxAttempts: 5, base: .seconds(10), cap: .seconds(600))
    package static let timeout = Duration.seconds(6 * 3_600)

    package let version: Int64

    package init(version: Int64) { self.version = version }
}

/// Does nothing: for benchmarks and to see whether a fleet works.
package struct NoopInput: TaskInput {
    package static let kind = TaskKind(trusted: "noop")
    package static let queue = QueueName.maintenance

    package init() {}
}
