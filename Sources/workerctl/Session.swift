internal import Logging
internal import SluiceBroker
internal import SluiceCore
internal import SluiceDocuments
internal import SluiceQueue
internal import SluiceService
internal import SluiceStore

/// What a command works with: settings and a store, opened when first used.
struct Session {
    let settings: Settings
    let store: Store
    private let logger: Logger

    init() throws {
        settings = try Settings.fromEnvironment()
        // Messages of libraries would mix with the command's own.
        logger = .line("workerctl", level: "error")
        store = settings.makeStore("workerctl", poolSize: 4, logger: logger)
    }

    /// Hints at tasks that a command has made available. Without Redis the relay or an idle worker finds them.
    var announce: @Sendable ([EnqueuedTask]) async -> Void {
        let hints = try? settings.makeHints()
        let enqueuer = Enqueuer(store: PostgresTaskStore(store), hints: hints, logger: logger)
        return { await enqueuer.announce($0) }
    }

    var documents: PostgresDocumentStore { PostgresDocumentStore(store, announce: announce) }
    var indexes: PostgresIndexStore { PostgresIndexStore(store, announce: announce) }
}
