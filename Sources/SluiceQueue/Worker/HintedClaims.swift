internal import Logging
internal import SluiceCore
internal import SluiceSystem
internal import Synchronization

/// Gets tasks: by hints while they flow, straight from the store when they are silent or gone.
final class HintedClaims: Sendable {
    private let store: any TaskStore
    private let hints: (any TaskHints)?
    private let logger: Logger
    private let worker: @Sendable () -> WorkerID
    private struct Outage {
        var failures = 0
        var retryAt: Instant?
    }
    private let outage = Mutex(Outage())

    init(
        store: any TaskStore,
        hints: (any TaskHints)?,
        logger: Logger,
        worker: @escaping @Sendable () -> WorkerID
    ) {
        self.store = store
        self.hints = hints
        self.logger = logger
        self.worker = worker
    }

    /// True while hints are configured but cannot be had.
    var isDegraded: Bool { hints != nil && outage.withLock { $0.failures > 0 } }

    private var usableHints: (any TaskHints)? {
        guard let hints else { return nil }
        return outage.withLock { outage in outage.retryAt.map { $0 <= .now } ?? true } ? hints : nil
    }

    /// Up to `limit` tasks. Empty when hints had none; `lookIntoStore` then asks the store itself.
    func next(_ queue: QueueName, limit: Int, lookIntoStore: Bool) async throws -> [ClaimedTask] {
        if let hints = usableHints {
            do {
                let claimed = try await byHints(hints, queue, limit)
                recovered()
                if !claimed.isEmpty || !lookIntoStore { return claimed }
            } catch where !(error is StoreFailure) {
                failed(error)
            } catch let error as StoreFailure {
                throw error.underlying
            }
        }
        if !lookIntoStore && hints != nil && !isDegraded { return [] }
        return try await store.claimNext(queue: queue, limit: limit, worker: worker())
    }

    /// Tells a failure of the store from one of the hints.
    private struct StoreFailure: Error { let underlying: any Error }

    private func byHints(_ hints: any TaskHints, _ queue: QueueName, _ limit: Int) async throws -> [ClaimedTask] {
        let me = worker()
        // Stale hints claim nothing; a few rounds skip over them.
        for _ in 0..<8 {
            let ids = try await hints.fetch(queue: queue, worker: me, limit: limit)
            if ids.isEmpty { return [] }
            let claimed: [ClaimedTask]
            do {
                claimed = try await store.claim(ids, queue: queue, worker: me)
            } catch {
                try? await hints.handBack(ids, queue: queue, worker: me)
                throw StoreFailure(underlying: error)
            }
            // Once claimed they must be performed, so an error here only means that Redis remembers them a while longer.
            do { try await hints.acknowledge(ids, worker: me) } catch { failed(error) }
            if !claimed.isEmpty { return claimed }
        }
        return []
    }

    /// Waits for a hint in one of the queues. Nil after `limit`, or at once while hints cannot be had.
    func wake(_ queues: [QueueName], atMost limit: Duration) async -> QueueName? {
        guard let hints = usableHints else { return nil }
        do {
            return try await hints.waitForWork(queues: queues, atMost: limit)
        } catch {
            failed(error)
            return nil
        }
    }

    var listens: Bool { usableHints != nil }

    private func failed(_ error: any Error) {
        let isNew = outage.withLock { outage in
            outage.failures += 1
            outage.retryAt = .now + .milliseconds(Int.random(in: 50...min(3_000, 100 << min(outage.failures, 5))))
            return outage.failures == 1
        }
        if isNew { logger.warning("no hints: claiming straight from the store", metadata: ["error": "\(error)"]) }
    }

    private func recovered() {
        let wasDown = outage.withLock { outage in
            defer { outage = Outage() }
            return outage.failures > 0
        }
        if wasDown { logger.notice("hints are back") }
    }
}
