package import SluiceCore

/// Gives large tenants HNSW indexes of their own, and takes them from those that are large no more; looks whether partitions still fit.
package struct IsolateIndexInput: TaskInput {
    package static let kind = TaskKind(trusted: "index.isolate")
    package static let queue = QueueName.maintenance
    package static let retry = RetryPolicy(maxAttempts: 5, base: .seconds(30), cap: .seconds(1_800))
    package static let timeout = Duration.seconds(6 * 3_600)

    /// By name; nil: all of them.
    package let index: String?
    /// Whether versions whose partitions do not fit any more are made anew, and swapped in by themselves; nil: they are not.
    package let rebuilds: Bool?

    package init(index: IndexName? = nil, rebuilds: Bool? = nil) {
        self.index = index?.rawValue
        self.rebuilds = rebuilds
    }
}
