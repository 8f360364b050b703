package import SluiceCore

/// Gives large tenants HNSW indexes of their own, and takes them from those that are large no more.
package struct IsolateIndexInput: TaskInput {
    package static let kind = TaskKind(trusted: "index.isolate")
    package static let queue = QueueName.maintenance
    package static let retry = RetryPolicy(maxAttempts: 5, base: .seconds(30), cap: .seconds(1_800))
    package static let timeout = Duration.seconds(6 * 3_600)

    /// By name; nil: all of them.
    package let index: String?

    package init(index: IndexName? = nil) { self.index = index?.rawValue }
}
