internal import Logging
internal import SluiceCore
internal import SluiceDocuments
internal import SluiceQueue

/// `retention.sweep`. What is wrong with one sort of rows keeps none of the others.
struct SweepRetention: Sendable {
    let store: any RetentionStore
    let policy: SweepPolicy

    func perform(_ context: AttemptContext) async throws -> AttemptOutcome {
        var total = 0
        var failure: (any Error)?
        for sort in store.sorts {
            do {
                var position: SweepPosition? = .start
                while let from = position {
                    if context.isCancelled { throw CancellationError() }
                    let step = try await store.sweep(sort, policy, from: from, fence: context.fence)
                    total += step.removed
                    position = step.next
                    context.progress(total, "removed from \(sort)")
                }
            } catch {
                if error is CancellationError || error is StaleLease { throw error }
                failure = failure ?? error
            }
        }
        context.logger.info("swept", metadata: ["rows": "\(total)"])
        if let failure { throw failure }
        return .completed
    }
}

/// `freshness.check`.
struct CheckFreshness: Sendable {
    let store: any FreshnessStore
    /// Of one target in one check: a source that was away for long must not fill the queue.
    private static let reingestLimit = 1_000

    func perform(_ input: CheckFreshnessInput, _ context: AttemptContext) async throws -> AttemptOutcome {
        let targets = try await store.targets()
        var stale = 0
        for (index, target) in targets.enumerated() {
            if context.isCancelled { throw CancellationError() }
            let reading = try await store.measure(target, fence: context.fence)
            if reading.stale > 0 {
                stale += 1
                // By number: names of tenants and sources have no place in logs.
                context.logger.warning(
                    "documents are older than their target",
                    metadata: [
                        "freshness.target": "\(target.id)", "stale": "\(reading.stale)",
                        "documents": "\(reading.documents)",
                        "oldest.seconds": "\(Int(reading.oldest?.inSeconds ?? 0))",
                    ]
                )
                if input.reingests == true {
                    let count = try await store.reingest(target, limit: Self.reingestLimit)
                    context.logger.info(
                        "stale documents are ingested again",
                        metadata: ["freshness.target": "\(target.id)", "documents": "\(count)"]
                    )
                }
            }
            context.progress(index + 1, of: targets.count, "\(stale) targets missed")
        }
        return .completed
    }
}

/// `statistics.refresh` and `cache.warm`.
struct RefreshServer: Sendable {
    let store: any UpkeepStore

    func refreshStatistics(_ context: AttemptContext) async throws -> AttemptOutcome {
        let tables = try await store.refreshStatistics()
        var words = 0
        var position: Int64? = 0
        while let from = position {
            if context.isCancelled { throw CancellationError() }
            let step = try await store.removeUnusedWords(from: from)
            words += step.removed
            position = step.next
            context.progress(tables.count, "tables analysed, \(words) unused words removed")
        }
        context.logger.info(
            "statistics refreshed",
            metadata: ["tables": "\(tables.joined(separator: " "))", "unused.words": "\(words)"]
        )
        return .completed
    }

    func warm(_ context: AttemptContext) async throws -> AttemptOutcome {
        guard let warmed = try await store.warm() else {
            context.progress(0, of: 0, "nothing done: the server has no extension pg_prewarm")
            context.logger.notice("nothing was warmed: the server has no extension pg_prewarm")
            return .completed
        }
        let blocks = warmed.reduce(0) { $0 + $1.blocks }
        context.progress(blocks, of: blocks, "pages of \(warmed.count) tables and indexes read into memory")
        context.logger.info("warmed", metadata: ["relations": "\(warmed.count)", "pages": "\(blocks)"])
        return .completed
    }
}
