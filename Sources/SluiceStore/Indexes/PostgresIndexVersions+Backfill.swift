package import SluiceCore
package import SluiceDocuments
internal import SluicePostgres
internal import SluiceQueue
internal import SluiceSystem

extension PostgresIndexVersions {
    /// Chunk ids of one statement that counts.
    private static let countedIDs: Int64 = 200_000
    private static let countedAtOnce = 2
    /// Chunks of one task that embeds.
    private static let embedWindow = 128

    package func backfill(_ id: IndexVersionID, limit: Int, fence: Fence) async throws -> BackfillStep {
        let (step, tasks) = try await store.pool.transaction { transaction in
            try await store.hold(fence, in: transaction)
            guard let version = try await transaction.query(VersionStatements.one(id)).first else {
                throw Self.gone(id)
            }
            let source = try await transaction.query(BackfillStatements.source(for: version)).first
            guard
                let done = try await transaction.query(BackfillStatements.copy(version, from: source, limit: limit))
                    .first
            else { throw PostgresError(.unexpectedReply, "no counts came back") }
            let tasks = try await store.enqueue(Self.embedTasks(version, done.without), in: transaction)
            let touched = try await transaction.execute(
                BackfillStatements.checkpoint(version, to: done.last ?? version.cursor, copied: done.copied)
            )
            // Aborted, or driven by somebody else: then nothing of this step is to stay.
            guard touched == 1 else { throw IndexRefusal.moved }
            FailPoint.pass(.beforeCommit)
            let step = BackfillStep(
                seen: done.seen,
                copied: done.copied,
                toEmbed: done.without.count,
                isAtEnd: done.scanned < limit
            )
            return (step, tasks)
        }
        FailPoint.pass(.afterCommit)
        await announce(tasks)
        return step
    }

    /// Ranges of chunk ids that hold a window of the given ones each.
    static func embedTasks(_ version: IndexVersionRecord, _ chunks: [Int64]) throws -> [NewTask] {
        try stride(from: 0, to: chunks.count, by: embedWindow).map { start in
            let (first, last) = (chunks[start], chunks[min(start + embedWindow, chunks.count) - 1])
            return try NewTask(
                EmbedIndexInput(version: version.id, first: ChunkID(rawValue: first), last: ChunkID(rawValue: last)),
                tenant: .default,
                priority: EmbedIndexInput.rebuildPriority,
                uniqueKey: "version/\(version.id)/chunks/\(first)-\(last)"
            )
        }
    }

    package func restartBackfill(_ version: IndexVersionID, after chunk: Int64, fence: Fence) async throws {
        try await store.pool.transaction { transaction in
            try await store.hold(fence, in: transaction)
            try await transaction.execute(BackfillStatements.restart(version, after: chunk))
        }
    }

    package func gaps(_ id: IndexVersionID) async throws -> IndexGaps {
        guard let version = try await version(id) else { throw Self.gone(id) }
        // Before the rest: a task that ends while it is counted has left its vectors for the counting.
        var gaps = IndexGaps()
        (gaps.pending, gaps.dead) = try await outstanding(id)
        async let lacking = self.uncut(id)
        gaps.highest = try await store.pool.query(BackfillStatements.highest(id)).first ?? 0
        // A plan that is good for any size, whatever is known of tables that have just been filled.
        let settings = [(name: "enable_nestloop", value: "off")]
        try await withThrowingTaskGroup(of: BackfillStatements.Compared?.self) { group in
            var running = 0
            for lower in stride(from: 0, through: gaps.highest, by: Int64.Stride(Self.countedIDs)) {
                if running >= Self.countedAtOnce, let compared = try await group.next() { gaps.add(compared) }
                running += 1
                group.addTask {
                    let range = lower..<lower + Self.countedIDs
                    return try await store.pool.query(
                        BackfillStatements.compare(version, in: range),
                        settings: settings
                    ).first
                }
            }
            while let compared = try await group.next() { gaps.add(compared) }
        }
        gaps.uncut = try await lacking.count
        return gaps
    }

    package func outstanding(_ id: IndexVersionID) async throws -> (pending: Int, dead: Int) {
        try await store.pool.query(EmbedIndexStatements.outstanding(id)).first ?? (0, 0)
    }

    package func sweep(_ id: IndexVersionID, fence: Fence) async throws -> Int {
        guard let version = try await version(id) else { throw Self.gone(id) }
        let highest = try await store.pool.query(BackfillStatements.highest(id)).first ?? 0
        var swept = 0
        for lower in stride(from: 0, through: highest, by: Int64.Stride(Self.countedIDs)) {
            swept += try await store.pool.transaction { transaction in
                try await store.hold(fence, in: transaction)
                return try await transaction.execute(
                    BackfillStatements.sweep(version, in: lower..<lower + Self.countedIDs)
                )
            }
        }
        return swept
    }

    package func note(_ problem: String?, on version: IndexVersionID, fence: Fence) async throws {
        try await store.pool.transaction { transaction in
            try await store.hold(fence, in: transaction)
            try await transaction.execute(VersionStatements.note(problem, on: version))
        }
    }

    /// Enqueues tasks that bring the vectors that a version lacks, in any state in which it is written to. Returns for how many
    /// chunks.
    package func repair(_ id: IndexVersionID) async throws -> Int {
        guard let version = try await version(id) else { throw Self.gone(id) }
        let highest = try await store.pool.query(BackfillStatements.highest(id)).first ?? 0
        var count = 0
        for lower in stride(from: 0, through: highest, by: Int64.Stride(Self.countedIDs)) {
            let range = lower..<lower + Self.countedIDs
            let chunks = try await store.pool.query(BackfillStatements.lacking(version, in: range))
            let tasks = try Self.embedTasks(version, chunks)
            if tasks.isEmpty { continue }
            await announce(try await store.pool.transaction { try await store.enqueue(tasks, in: $0) })
            count += chunks.count
        }
        return count
    }
}

extension IndexGaps {
    fileprivate mutating func add(_ compared: BackfillStatements.Compared?) {
        guard let compared else { return }
        missing += compared.missing
        surplus += compared.surplus
        firstMissing = [firstMissing, compared.firstMissing].compactMap(\.self).min()
    }
}
