internal import FoundationEssentials
internal import Logging
public import Sluice
internal import SluiceCore
internal import SluiceQueue
internal import Synchronization

/// A queue in memory for tests of handlers and of code that enqueues: no server, no thread, no waiting.
///
/// `drain` runs handlers one after the other in the order in which they would be claimed. Time is `clock`'s; delays of
/// retries are their longest, without jitter, so that every run is the same. Keys, priorities, attempts and verdicts follow
/// the rules of the fleet.
public final class TestQueue: TaskEnqueuing {
    public let clock: ManualClock
    private let handlers: TaskHandlers
    private let state = Mutex(TestQueueState())

    public init(_ handlers: TaskHandlers = TaskHandlers(), clock: ManualClock = ManualClock()) {
        self.handlers = handlers
        self.clock = clock
    }

    @discardableResult
    public func enqueue<Kind: TaskKindDefinition>(
        _ inputs: [Kind],
        _ options: TaskOptions
    ) async throws(SluiceError) -> [TaskReceipt] {
        var tasks: [NewTask] = []
        for input in inputs { tasks.append(try NewTask(kind: input, options)) }
        let now = clock.now
        return state.withLock { state in tasks.map { TaskReceipt(state.enqueue($0, at: now)) } }
    }

    /// Performs tasks that are due, and those that they enqueue, until none is due.
    ///
    /// - Parameters:
    ///   - advancingClock: true: moves the clock on to whatever waits next, until the queue is empty.
    ///   - limit: attempts after which it gives up: a handler that always enqueues another task never drains.
    /// - Throws: when a due task's kind has no handler, or after `limit` attempts.
    @discardableResult
    public func drain(advancingClock: Bool = false, limit: Int = 10_000) async throws(SluiceError) -> DrainReport {
        var report = DrainReport()
        while true {
            let now = clock.now
            if let kind = state.withLock({ $0.nextKind(at: now) }) {
                guard report.attempts < limit else { throw TestQueueError.endless(limit) }
                guard let handler = handlers.registry.handler(for: kind) else {
                    throw TestQueueError.noHandler(kind.rawValue)
                }
                guard let task = state.withLock({ $0.claim(at: now) }) else { continue }
                report.attempts += 1
                let verdict = await perform(task, handler)
                let settledAt = clock.now
                state.withLock { $0.settle(task, verdict, at: settledAt, &report) }
            } else if advancingClock, let next = state.withLock({ $0.nextDue }) {
                clock.advance(to: next)
            } else {
                return report
            }
        }
    }

    private func perform(_ task: ClaimedTask, _ handler: HandlerRegistry.Handler) async -> Settlement.Verdict {
        let context = AttemptContext(task: task, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let ending: Result<AttemptOutcome, any Error>
        do {
            ending = .success(try await handler.perform(task, context))
        } catch {
            ending = .failure(error)
        }
        var generator = Highest()
        return VerdictPolicy(retry: handler.retry).verdict(of: ending, stopped: nil, task: task, using: &generator)
            ?? .completed
    }

    // MARK: - What is there

    /// Inputs of all tasks of a kind that were stored, in order, whatever became of them.
    public func enqueued<Kind: TaskKindDefinition>(_: Kind.Type) -> [Kind] {
        let payloads = state.withLock { state in
            state.rows.filter { $0.task.kind.rawValue == Kind.kind }.map(\.task.payload)
        }
        let decoder = JSONDecoder()
        return payloads.compactMap { try? decoder.decode(Kind.self, from: Data($0.utf8)) }
    }

    /// Where a task stands; nil when there is none.
    public func state(of id: Int64) -> TaskStatus.State? {
        state.withLock { state in
            state.rows.first { $0.id.rawValue == id }.flatMap { TaskStatus.State(rawValue: $0.state.rawValue) }
        }
    }

    /// The errors of which tasks died, in order.
    public var deadLetters: [HandlerError] { state.withLock { $0.deadLetters } }
    /// Tasks that are not settled.
    public var liveCount: Int { state.withLock { $0.rows.count { $0.state.isLive } } }
}

/// What a drain did.
public struct DrainReport: Sendable, Equatable {
    package init() {}

    public package(set) var attempts = 0
    public package(set) var completed = 0
    public package(set) var retried = 0
    public package(set) var snoozed = 0
    public package(set) var cancelled = 0
    public package(set) var dead = 0
}

/// Always the greatest number: of a range of delays, the longest.
private struct Highest: RandomNumberGenerator {
    mutating func next() -> UInt64 { .max }
}
