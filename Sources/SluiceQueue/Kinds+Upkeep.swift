package import SluiceCore

// Kinds that the clock enqueues. Whatever they miss, the next one does: few attempts, long pauses.

/// Removes what nobody needs any more and the leader's pruner does not know of.
package struct SweepRetentionInput: TaskInput {
    package static let kind = TaskKind(trusted: "retention.sweep")
    package static let queue = QueueName.maintenance
    package static let retry = RetryPolicy(maxAttempts: 5, base: .seconds(30), cap: .seconds(900))
    package static let timeout = Duration.seconds(3_600)

    package init() {}
}

/// Builds bloated indexes anew and vacuums tables with many dead rows, in the quiet hours.
package struct CompactIndexInput: TaskInput {
    package static let kind = TaskKind(trusted: "index.compact")
    package static let queue = QueueName.maintenance
    package static let retry = RetryPolicy(maxAttempts: 5, base: .seconds(60), cap: .seconds(1_800))
    package static let timeout = Duration.seconds(6 * 3_600)

    /// At once, whatever the hour.
    package let isUrgent: Bool?

    package init(isUrgent: Bool? = nil) { self.isUrgent = isUrgent }

    private enum CodingKeys: String, CodingKey { case isUrgent = "urgent" }
}

/// Measures how old what is indexed is, by tenant and source, against its targets.
package struct CheckFreshnessInput: TaskInput {
    package static let kind = TaskKind(trusted: "freshness.check")
    package static let queue = QueueName.maintenance
    package static let retry = RetryPolicy(maxAttempts: 3, base: .seconds(10), cap: .seconds(300))
    package static let timeout = Duration.seconds(1_800)

    /// Ask for stale documents to be ingested again.
    package let reingests: Bool?

    package init(reingests: Bool? = nil) { self.reingests = reingests }

    private enum CodingKeys: String, CodingKey { case reingests = "reingest" }
}

/// Refreshes the planner's statistics of tables that changed.
package struct RefreshStatisticsInput: TaskInput {
    package static let kind = TaskKind(trusted: "statistics.refresh")
    package static let queue = QueueName.maintenance
    package static let retry = RetryPolicy(maxAttempts: 3, base: .seconds(30), cap: .seconds(600))
    package static let timeout = Duration.seconds(7_200)

    package init() {}
}

/// Reads live vectors and their indexes into the server's memory.
package struct WarmCacheInput: TaskInput {
    package static let kind = TaskKind(trusted: "cache.warm")
    package static let queue = QueueName.maintenance
    package static let retry = RetryPolicy(maxAttempts: 3, base: .seconds(30), cap: .seconds(600))
    package static let timeout = Duration.seconds(3_600)

    package init() {}
}

/// Writes a backup into the folder that the worker is set to.
package struct CreateBackupInput: TaskInput {
    package static let kind = TaskKind(trusted: "backup.create")
    package static let queue = QueueName.maintenance
    package static let retry = RetryPolicy(maxAttempts: 3, base: .seconds(60), cap: .seconds(1_800))
    package static let timeout = Duration.seconds(6 * 3_600)

    package init() {}
}
