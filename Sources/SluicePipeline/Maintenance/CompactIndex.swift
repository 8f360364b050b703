internal import Logging
internal import SluiceCore
internal import SluiceDocuments
internal import SluiceQueue

/// `index.compact`: one index or table after the other, in the quiet hours. Cut off, it begins anew with what is left.
struct CompactIndex: Sendable {
    let store: any CompactionStore
    let policy: CompactionPolicy
    let hours: QuietHours

    func perform(_ input: CompactIndexInput, _ context: AttemptContext) async throws -> AttemptOutcome {
        if let wait = try await closed(input) { return wait }
        if try await store.isBuilding() {
            return .snoozed(for: .seconds(300), reason: "another index is being built")
        }
        let leftovers = try await store.dropLeftovers(fence: context.fence)
        if !leftovers.isEmpty {
            context.logger.notice("leftovers of builds dropped", metadata: ["count": "\(leftovers.count)"])
        }
        let steps = policy.steps(try await store.relations())
        for (index, step) in steps.enumerated() {
            if context.isCancelled { throw CancellationError() }
            if index > 0, let wait = try await closed(input) { return wait }
            context.progress(index, of: steps.count, step.relation)
            let report = try await store.perform(step, fence: context.fence)
            context.logger.info(
                "compacted",
                metadata: [
                    "relation": "\(step.relation)", "bytes.before": "\(report.bytesBefore)",
                    "bytes.after": "\(report.bytesAfter)", "seconds": "\(report.seconds)",
                ]
            )
        }
        context.progress(steps.count, of: steps.count, steps.isEmpty ? "nothing was worth it" : "done")
        return .completed
    }

    private func closed(_ input: CompactIndexInput) async throws -> AttemptOutcome? {
        if input.isUrgent == true { return nil }
        let wait = hours.wait(at: try await store.time())
        if wait == .zero { return nil }
        return .snoozed(for: wait, reason: "it waits for the quiet hours, \(hours) UTC")
    }
}
