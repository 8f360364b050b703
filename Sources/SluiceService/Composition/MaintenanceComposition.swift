internal import SluiceBroker
internal import SluicePipeline
internal import SluiceQueue
internal import SluiceStore

extension Settings {
    /// What the handlers of the queue `maintenance` work with.
    func maintenance(
        _ store: Store,
        hints: RedisTaskHints?,
        announce: @escaping @Sendable ([EnqueuedTask]) async -> Void
    ) -> Maintenance {
        var maintenance = Maintenance(
            erasures: PostgresErasureStore(store),
            hints: hints,
            queues: { try await store.queueNames() }
        )
        maintenance.retention = PostgresRetentionStore(store)
        maintenance.sweepPolicy = upkeep.sweep
        maintenance.freshness = PostgresFreshnessStore(
            store,
            documents: PostgresDocumentStore(store, announce: announce),
            indexes: PostgresIndexStore(store, announce: announce)
        )
        maintenance.upkeep = PostgresUpkeepStore(store)
        maintenance.compaction = PostgresCompactionStore(store, maxBuildMemory: buildMemoryMegabytes)
        maintenance.compactionPolicy = upkeep.compaction
        maintenance.quietHours = upkeep.quietHours
        if let directory = upkeep.backupDirectory {
            maintenance.backups = PostgresBackups(
                store,
                configuration: postgres("sluice-backup"),
                directory: directory,
                kept: upkeep.backupsKept,
                programs: upkeep.postgresPrograms
            )
        }
        return maintenance
    }
}
