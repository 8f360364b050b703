internal import Logging
internal import SluiceCore
package import SluiceDocuments
package import SluiceQueue

/// `index.isolate`: brings the live versions' indexes of single tenants to what the policy wants.
package struct IsolateIndex: Sendable {
    private let indexes: any TenantIndexStore

    package init(indexes: any TenantIndexStore) { self.indexes = indexes }

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
        }
        return .completed
    }
}
