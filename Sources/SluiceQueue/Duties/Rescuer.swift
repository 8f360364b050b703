internal import Logging
internal import SluiceCore
internal import Synchronization

/// Takes tasks from workers that are gone and from attempts beyond their deadline.
final class Rescuer: Sendable {
    private let store: any TaskStore
    private let logger: Logger
    private let total = Atomic<Int>(0)
    private let unreported = Atomic<Int>(0)
    private let waitsOnce = Atomic<Bool>(false)
    private static let limit = 500

    init(store: any TaskStore, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    /// Tasks taken since the start.
    var rescued: Int { total.load(ordering: .relaxed) }

    /// Tasks taken since this was asked last.
    func takeUnreported() -> Int { unreported.exchange(0, ordering: .relaxed) }

    /// One sweep. After the store was away, the first one is left out: workers that are well give back themselves what
    /// they held, without costing an attempt, and must get the chance to.
    func round(term: Int64) async throws -> [RescuedTask] {
        if waitsOnce.exchange(false, ordering: .relaxed) { return [] }
        do {
            let taken = try await store.rescue(limit: Self.limit, term: term)
            total.add(taken.count, ordering: .relaxed)
            unreported.add(taken.count, ordering: .relaxed)
            for task in taken {
                logger.warning(
                    task.isDead ? "rescued too often, dead" : "rescued",
                    metadata: ["task.id": "\(task.id)", "queue": "\(task.queue)", "cause": "\(task.cause.rawValue)"]
                )
            }
            return taken
        } catch {
            waitsOnce.store(true, ordering: .relaxed)
            throw error
        }
    }

    static func yield(_ taken: [RescuedTask]) -> Duty.Yield {
        taken.count == limit ? .plenty : taken.isEmpty ? .nothing : .some
    }
}
