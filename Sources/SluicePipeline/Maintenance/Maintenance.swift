package import SluiceCore
package import SluiceDocuments
package import SluiceQueue

/// What the handlers of the queue `maintenance` work with. Kinds whose part is nil are left to other workers.
package struct Maintenance: Sendable {
    package var erasures: any ErasureStore
    /// Nil where the fleet runs without Redis.
    package var hints: (any TenantHints)?
    package var queues: @Sendable () async throws -> [QueueName]
    package var retention: (any RetentionStore)?
    package var sweepPolicy = SweepPolicy()
    package var freshness: (any FreshnessStore)?
    package var upkeep: (any UpkeepStore)?
    package var compaction: (any CompactionStore)?
    package var compactionPolicy = CompactionPolicy()
    package var quietHours = QuietHours.always
    package var backups: (any BackupStore)?

    package init(
        erasures: any ErasureStore,
        hints: (any TenantHints)?,
        queues: @escaping @Sendable () async throws -> [QueueName]
    ) {
        self.erasures = erasures
        self.hints = hints
        self.queues = queues
    }
}

extension HandlerRegistry {
    package mutating func registerMaintenance(_ maintenance: Maintenance) {
        let erase = Erase(erasures: maintenance.erasures, hints: maintenance.hints, queues: maintenance.queues)
        register(EraseTenantInput.self) { try await erase.perform(ErasureID(rawValue: $0.erasure), $1) }
        register(EraseDocumentInput.self) { try await erase.perform(ErasureID(rawValue: $0.erasure), $1) }
        if let store = maintenance.retention {
            let sweep = SweepRetention(store: store, policy: maintenance.sweepPolicy)
            register(SweepRetentionInput.self) { try await sweep.perform($1) }
        }
        if let store = maintenance.freshness {
            let check = CheckFreshness(store: store)
            register(CheckFreshnessInput.self) { try await check.perform($0, $1) }
        }
        if let store = maintenance.upkeep {
            let server = RefreshServer(store: store)
            register(RefreshStatisticsInput.self) { try await server.refreshStatistics($1) }
            register(WarmCacheInput.self) { try await server.warm($1) }
        }
        if let store = maintenance.backups {
            let create = CreateBackup(store: store)
            register(CreateBackupInput.self) { try await create.perform($1) }
        }
        if let store = maintenance.compaction {
            let compact = CompactIndex(
                store: store,
                policy: maintenance.compactionPolicy,
                hours: maintenance.quietHours
            )
            register(CompactIndexInput.self) { try await compact.perform($0, $1) }
        }
    }
}
