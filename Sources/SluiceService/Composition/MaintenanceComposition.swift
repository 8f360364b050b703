internal import SluiceBroker
internal import SluicePipeline
internal import SluiceStore

extension Settings {
    /// What the handlers of the queue `maintenance` work with.
    func maintenance(_ store: Store, hints: RedisTaskHints?) -> Maintenance {
        Maintenance(
            erasures: PostgresErasureStore(store),
            hints: hints,
            queues: { try await store.queueNames() }
        )
    }
}
