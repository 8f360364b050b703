package import Logging
internal import SluiceCore
internal import SluiceQueue
internal import SluiceStore
package import SluiceSystem

/// A coordinator process: the leader's duties, or a standby.
package enum CoordinatorService {
    /// Runs until `shutdown` drains; then resigns.
    package static func run(settings: Settings, shutdown: Shutdown, logger: Logger) async throws {
        let store = settings.makeStore("sluice-coordinator", poolSize: 4, logger: logger)
        var tasks = PostgresTaskStore(store)
        tasks.retention = settings.retention
        let coordinator = Coordinator(
            configuration: CoordinatorConfiguration(
                host: Environment.hostName(),
                pid: Environment.processID(),
                version: Version.text,
                leaseLength: settings.leaseLength,
                archiveRetention: settings.archiveRetention,
                aging: AgingOrder(step: settings.aging)
            ),
            store: tasks,
            hints: try settings.makeHints(),
            schedules: PostgresScheduleStore(store),
            upkeep: PostgresTermCounts(store),
            logger: logger
        )
        logger.notice("coordinator started")
        await coordinator.run(shutdown: shutdown)
        store.close()
    }
}
