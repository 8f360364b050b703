package import SluiceCore
package import SluiceDocuments
internal import SluicePostgres

extension PostgresIndexVersions {
    private static let uncacheChunk = 5_000

    /// First the state, so that nothing writes to it any more; then the table; then vectors that nothing wants, and chunks that no
    /// version reads. Each can be done again.
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
        let uncached = try await uncache(version.spec.model, fence)
        try await dropSet(of: version, fence)
        return version.droppedAt == nil || uncached > 0 ? .dropped(uncached: uncached) : .wasDropped
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

    /// Removes the chunks of a set that no version will read any more, some documents at a time. Documents of which they were counted
    /// are counted by the chunks that answer.
    private func dropSet(of version: IndexVersionRecord, _ fence: Fence?) async throws {
        guard try await store.pool.query(ChunkSetStatements.isAbandoned(version)).first == true else { return }
        var cursor: Int64 = 0
        while true {
            let range = try await store.pool.query(
                ChunkSetStatements.range(after: cursor, limit: Self.droppedDocuments)
            ).first
            guard let last = range?.last else { break }
            let documents = cursor + 1...last
            try await store.pool.transaction(settings: Self.planned) { transaction in
                if let fence { try await store.hold(fence, in: transaction) }
                try await transaction.execute(ChunkSetStatements.remove(version, in: documents))
                try await transaction.execute(ChunkSetStatements.recount(version, in: documents))
            }
            cursor = last
        }
        try await store.pool.transaction { transaction in
            if let fence { try await store.hold(fence, in: transaction) }
            try await transaction.execute(ChunkSetStatements.forget(version))
        }
    }

    private static let droppedDocuments = 100
    /// Milliseconds, for each index.
    private static let ingestsWait = 100

    private func uncache(_ model: ModelIdentity, _ fence: Fence?) async throws -> Int {
        var uncached = 0
        while true {
            let removed = try await store.pool.transaction { transaction in
                if let fence { try await store.hold(fence, in: transaction) }
                guard try await transaction.query(SwapStatements.isModelUsed(model)).first == false else { return 0 }
                return try await transaction.execute(SwapStatements.uncache(model, limit: Self.uncacheChunk))
            }
            uncached += removed
            if removed < Self.uncacheChunk { return uncached }
        }
    }
}
