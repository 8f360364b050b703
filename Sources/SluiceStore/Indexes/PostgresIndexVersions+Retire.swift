package import SluiceCore
package import SluiceDocuments
internal import SluicePostgres
internal import SluiceSystem

extension PostgresIndexVersions {
    private static let uncacheChunk = 5_000
    /// Milliseconds, for each index.
    private static let ingestsWait = 100

    /// How much is removed at a time when a version is retired.
    package struct Removal: Sendable {
        /// After so long a call gives way.
        package var turn = Duration.seconds(20)
        /// In one transaction at most: its task's lease is not renewed meanwhile.
        package var chunks = 5_000
        package var documents = 1_000
    }

    /// First the state, so that nothing writes to it any more; then the table; then vectors that nothing wants, and chunks that no
    /// version reads. Each can be done again; of the last two there may be millions, and after a while it gives way: `clearing`.
    ///
    /// A reader that comes too late finds no table, reads the pointer anew and asks again.
    ///
    /// - Throws: `PostgresError` `lockNotAvailable` while a vacuum, or a transaction of seconds, holds `chunks` or the table: each
    ///   search would wait behind the DROP.
    package func retire(_ id: IndexVersionID, isForced: Bool, fence: Fence?) async throws -> Retirement {
        guard var version = try await version(id) else { return .wasDropped }
        if version.state == .soaking {
            let facts = IndexVersionFacts(isForced: isForced)
            do {
                _ = try await advance(id, .retired, facts, reason: isForced ? "asked for" : nil, fence: fence)
            } catch IndexRefusal.soaking {
                let left = try await store.pool.query(SwapStatements.soakLeft(id)).first ?? 60
                return .later(.seconds(max(1, left)))
            }
            guard let retired = try await self.version(id) else { return .wasDropped }
            version = retired
        }
        guard version.state.isFinal else { return .needed }
        if version.droppedAt == nil { try await drop(version, fence) }
        let end = Instant.now + removal.turn
        let isNew = version.droppedAt == nil
        let uncached = try await uncache(version.spec.model, until: end, fence)
        guard uncached.isOver, try await dropSet(of: version, until: end, fence) else { return .clearing }
        return isNew || uncached.count > 0 ? .dropped(uncached: uncached.count) : .wasDropped
    }

    private func drop(_ version: IndexVersionRecord, _ fence: Fence?) async throws {
        let table = IndexVersionNames.table(version.id)
        // `chunks` is locked for what refers to it, which is the whole: so it goes when little is left to do. Those that an attempt
        // has dropped are not there for the next one.
        let tables = try await store.pool.query(PartitionStatements.tables(of: version.id))
        for partition in tables where partition != table {
            try await store.seize(.accessExclusive, on: [table] + tables) { transaction in
                if let fence { try await store.hold(fence, in: transaction) }
                try await transaction.script("DROP TABLE IF EXISTS \(quotedIdentifier(partition))")
            }
        }
        try await store.seize(.accessExclusive, on: [table, "chunks"]) { transaction in
            if let fence { try await store.hold(fence, in: transaction) }
            // Ingests hold chunks for longer than searches may wait: those that go live end first, and no other begins.
            try await transaction.execute(StrongLock.waits(Self.ingestsWait))
            try await transaction.execute(VersionStatements.lockAll())
            try await transaction.execute(StrongLock.waits(StrongLock.accessExclusive.patience))
            try await transaction.execute(PartitionStatements.forget(version.id))
            try await transaction.execute(SwapStatements.dropped(version))
            try await transaction.execute(
                VersionStatements.event(version, "dropped", to: version.state, reason: nil)
            )
            // Last: from here to the commit nobody reads chunks.
            try await transaction.script("DROP TABLE IF EXISTS \(quotedIdentifier(table))")
        }
    }

    private func uncache(
        _ model: ModelIdentity,
        until end: Instant,
        _ fence: Fence?
    ) async throws -> (count: Int, isOver: Bool) {
        var uncached = 0
        repeat {
            let removed = try await store.pool.transaction { transaction in
                if let fence { try await store.hold(fence, in: transaction) }
                guard try await transaction.query(SwapStatements.isModelUsed(model)).first == false else { return 0 }
                return try await transaction.execute(SwapStatements.uncache(model, limit: Self.uncacheChunk))
            }
            uncached += removed
            if removed < Self.uncacheChunk { return (uncached, true) }
        } while .now < end
        return (uncached, false)
    }

    /// Removes the chunks of a set that no version will read any more, some in each transaction, and goes on where its row says. Of two
    /// who remove it each takes turns.
    ///
    /// - Returns: false when the turn was over first.
    private func dropSet(of version: IndexVersionRecord, until end: Instant, _ fence: Fence?) async throws -> Bool {
        repeat {
            let isOver = try await store.pool.transaction(settings: Self.lookedUp) { transaction in
                if let fence { try await store.hold(fence, in: transaction) }
                guard let place = try await transaction.query(ChunkSetStatements.holdAbandoned(version)).first else {
                    return true
                }
                let next = ChunkSetStatements.weighed(
                    after: place,
                    documents: removal.documents,
                    chunks: removal.chunks
                )
                guard let last = try await transaction.query(next).first ?? nil else {
                    try await transaction.execute(ChunkSetStatements.forget(version))
                    return true
                }
                let documents = place + 1...last
                let removed = try await transaction.execute(
                    ChunkSetStatements.remove(version, in: documents, limit: removal.chunks)
                )
                if removed < removal.chunks {
                    try await transaction.execute([
                        ChunkSetStatements.recount(version, in: documents),
                        ChunkSetStatements.removed(version, to: last),
                    ])
                }
                return false
            }
            if isOver { return true }
        } while .now < end
        return false
    }
}
