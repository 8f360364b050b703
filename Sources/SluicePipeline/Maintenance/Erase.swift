internal import Logging
package import SluiceCore
package import SluiceDocuments
package import SluiceQueue

/// `tenant.erase` and `document.erase`: passes over all tables until a reading of all of them finds nothing.
///
/// Resumable anywhere: each batch is a transaction that counts itself on the receipt, and a pass that was cut off is begun again.
package struct Erase: Sendable {
    private let erasures: any ErasureStore
    private let hints: (any TenantHints)?
    private let queues: @Sendable () async throws -> [QueueName]

    /// - Parameter hints: nil where the fleet runs without Redis.
    package init(
        erasures: any ErasureStore,
        hints: (any TenantHints)?,
        queues: @escaping @Sendable () async throws -> [QueueName]
    ) {
        self.erasures = erasures
        self.hints = hints
        self.queues = queues
    }

    /// How often all tables are gone through in one attempt: more means that something keeps coming in.
    private static let maxPasses = 5
    private static let pause = Duration.seconds(2)
    private static let longPause = Duration.seconds(10)

    package func perform(_ id: ErasureID, _ context: AttemptContext) async throws -> AttemptOutcome {
        guard let erasure = try await erasures.erasure(id) else { return .completed }
        let names = Self.names(of: erasure.subject)
        try await erasures.stopTasks(of: erasure)
        if let wait = try await erasures.wait(for: erasure) {
            // Older transactions may take hours: what they do not hold goes meanwhile, but once.
            if case .running = wait { return .snoozed(for: Self.pause, reason: wait.reason) }
            if !erasure.hasPassed { _ = try await pass(erasure, names, 0, context) }
            return .snoozed(for: Self.longPause, reason: wait.reason)
        }
        var total = 0
        for _ in 0..<Self.maxPasses {
            total += try await pass(erasure, names, total, context)
            context.progress(total, "reading all tables")
            if try await erasures.remains(of: erasure, names: names).isEmpty {
                try await erasures.clearCatalogue(of: erasure)
                if case .tenant(let tenant) = erasure.subject, let hints {
                    _ = try await hints.forget(tenant, queues: try await queues())
                }
                try await erasures.complete(erasure, fence: context.fence)
                context.logger.notice("erased", metadata: ["erasure.id": "\(id)", "rows": "\(total)"])
                return .settledByHandler
            }
            try await erasures.stopTasks(of: erasure)
        }
        return .snoozed(for: Self.pause, reason: "rows of it keep coming in")
    }

    private func pass(
        _ erasure: Erasure,
        _ names: [String],
        _ before: Int,
        _ context: AttemptContext
    ) async throws -> Int {
        var total = 0
        for step in try await erasures.steps(of: erasure) {
            var position: Int64? = 0
            while let from = position {
                if context.isCancelled { throw CancellationError() }
                let batch = try await erasures.remove(
                    step,
                    from: from,
                    of: erasure,
                    names: names,
                    fence: context.fence
                )
                total += batch.removed
                position = batch.next
                context.progress(before + total, "removed from \(step.name)")
            }
        }
        try await erasures.notePass(of: erasure, fence: context.fence)
        return total
    }

    /// A source stands in messages by its URI or by the path that it means, in labels perhaps by its last part alone.
    static func names(of subject: ErasureSubject) -> [String] {
        guard case .document(_, _, let uri) = subject else { return [] }
        var names = [uri]
        if let path = SourceFile.path(ofURI: uri), path != uri { names.append(path) }
        return names
    }
}
