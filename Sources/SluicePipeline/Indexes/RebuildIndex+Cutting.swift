internal import SluiceCore
internal import SluiceDocuments
internal import SluiceQueue
internal import SluiceSystem

/// A version with a chunker of its own: documents are cut for it before their chunks get vectors.
extension RebuildIndex {
    /// Documents looked at in one step.
    private static let cutLimit = 100
    /// Documents that are read again at the same time: a rebuild fills no queue.
    private static let maxReading = 200

    /// Cuts documents until the turn is over or none is left. Nil: those that can be cut are.
    func cut(
        _ version: IndexVersionRecord,
        until end: Instant,
        _ context: AttemptContext
    ) async throws -> AttemptOutcome? {
        var pace = BackfillPace(share: pipeline.rebuildShare)
        var (documents, asked) = (0, 0)
        while .now < end {
            if context.isCancelled { throw CancellationError() }
            let start = Instant.now
            let step = try await versions.cut(version.id, limit: Self.cutLimit, fence: context.fence)
            let rest = pace.took(start.elapsed)
            documents += step.cut
            asked += step.asked
            context.progress(documents, of: nil, "documents cut anew")
            if step.isAtEnd { return nil }
            if asked >= Self.maxReading {
                return .snoozed(for: .seconds(2), reason: "waits for documents to be read again")
            }
            if step.cut > 0 { try await Task.sleep(for: rest) }
        }
        return .snoozed(for: .milliseconds(50), reason: "gives way, and goes on cutting")
    }

    /// Whether every document has been cut; else what is waited for, with the cutting begun anew where it has to be. Nil: it has.
    func awaitTexts(_ version: IndexVersionRecord, _ context: AttemptContext) async throws -> AttemptOutcome? {
        if version.documentCursor == nil { return nil }
        context.progress(version.planned, of: version.planned, "looking for documents that are not cut")
        let uncut = try await versions.uncut(version.id)
        guard uncut.count > 0 else { return nil }
        try await versions.note(uncut.problem, on: version.id, fence: context.fence)
        try await versions.restartCutting(version.id, after: (uncut.first ?? 1) - 1, fence: context.fence)
        if let problem = uncut.problem { return .snoozed(for: .seconds(15), reason: problem) }
        return .snoozed(
            for: uncut.waiting > 0 ? .seconds(5) : .milliseconds(50),
            reason: "\(uncut.count) documents are not cut yet, \(uncut.waiting) of them are read again"
        )
    }
}
