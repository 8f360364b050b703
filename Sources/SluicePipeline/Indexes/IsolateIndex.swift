internal import Logging
internal import SluiceCore
package import SluiceDocuments
package import SluiceQueue

/// `index.isolate`: brings the live versions' indexes of single tenants to what the policy wants, and looks whether their partitions
/// still fit, which only a new version can mend.
package struct IsolateIndex: Sendable {
    private let indexes: any TenantIndexStore
    /// Nil: nothing is made anew.
    private let versions: (any IndexVersionStore)?
    private let room: IndexPlan.Room

    package init(
        indexes: any TenantIndexStore,
        versions: (any IndexVersionStore)? = nil,
        room: IndexPlan.Room = IndexPlan.Room()
    ) {
        self.indexes = indexes
        self.versions = versions
        self.room = room
    }

    package func perform(_ input: IsolateIndexInput, _ context: AttemptContext) async throws -> AttemptOutcome {
        var name: IndexName?
        if let given = input.index {
            name = IndexName(rawValue: given)
            guard name != nil else {
                return .dead(
                    TaskFailure(
                        errorClass: "payload.invalid",
                        message: "\"index\" is no valid name; leave it out for all indexes"
                    )
                )
            }
        }
        for version in try await indexes.liveVersions(of: name) {
            if context.isCancelled { throw CancellationError() }
            let plan = try await indexes.apply(version)
            context.logger.info(
                "indexes of tenants",
                metadata: [
                    "index.version": "\(version)", "built": "\(plan.build.count)", "dropped": "\(plan.drop.count)",
                    "kept": "\(plan.keep.count)",
                ]
            )
            if let drift = try await indexes.partitionDrift(of: version), !drift.isNone {
                context.logger.notice(
                    "partitions do not fit any more",
                    metadata: [
                        "index.version": "\(version)", "due": "\(drift.due)", "idle": "\(drift.idle)",
                    ]
                )
                if input.rebuilds == true { try await rebuild(version, context) }
            }
        }
        return .completed
    }

    /// A version like this one, with partitions by today's sizes. One that is on its way already brings them too.
    private func rebuild(_ id: IndexVersionID, _ context: AttemptContext) async throws {
        guard let versions, let version = try await versions.version(id) else { return }
        let change = IndexVersionChange(isAutoSwap: true)
        let (spec, facts) = try await versions.plan(version.indexName, change)
        if let problem = IndexPlan(spec, facts, room).problems.first {
            context.logger.warning(
                "partitions are not made anew",
                metadata: ["index.version": "\(id)", "problem": "\(problem)"]
            )
            return
        }
        let made = try await versions.create(in: version.indexName, change, completing: nil)
        context.logger.notice("partitions are made anew", metadata: ["index.version": "\(made.id)"])
    }
}
