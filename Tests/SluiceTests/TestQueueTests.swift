import Sluice
import SluiceTesting
import Synchronization
import Testing

private struct Count: TaskKindDefinition {
    static let kind = "count"
    static let queue = "numbers"
    static let retry = RetrySchedule(maxAttempts: 3, base: .seconds(10), cap: .seconds(60))
    let number: Int
}

private struct Unhandled: TaskKindDefinition {
    static let kind = "unhandled"
    static let queue = "numbers"
}

private final class Seen: Sendable {
    private let values = Mutex<[Int]>([])
    func add(_ value: Int) { values.withLock { $0.append(value) } }
    var all: [Int] { values.withLock { $0 } }
}

@Suite("The queue for tests")
struct TestQueueTests {
    private func queue(
        _ perform: @escaping @Sendable (Count, TaskAttempt) async throws -> TaskOutcome
    ) throws -> TestQueue {
        var handlers = TaskHandlers()
        try handlers.handle(Count.self, perform)
        return TestQueue(handlers)
    }

    @Test("priorities first, then time, then order; a handler may enqueue")
    func order() async throws {
        let seen = Seen()
        let later = TestQueue()
        let queue = try queue { count, _ in
            seen.add(count.number)
            if count.number == 1 { try await later.enqueue(Count(number: 9)) }
            return .completed
        }
        try await queue.enqueue(Count(number: 1))
        try await queue.enqueue(Count(number: 2), TaskOptions(priority: 0))
        try await queue.enqueue(Count(number: 3), TaskOptions(delay: .seconds(5)))
        try await queue.enqueue([Count(number: 4), Count(number: 5)], TaskOptions())
        #expect(try await queue.drain() == DrainReport.done(4))
        #expect(seen.all == [2, 1, 4, 5])
        #expect(try await queue.drain(advancingClock: true) == DrainReport.done(1))
        #expect(queue.clock.now == .seconds(5) && queue.liveCount == 0)
        #expect(later.enqueued(Count.self).map(\.number) == [9])
        #expect(queue.enqueued(Count.self).map(\.number) == [1, 2, 3, 4, 5])
    }

    @Test("a failing task is retried at its longest delays, then dead, with the words of its error")
    func retries() async throws {
        let queue = try queue { _, attempt in throw HandlerError("count.failed", "attempt \(attempt.attempt)") }
        let id = try await queue.enqueue(Count(number: 1)).id
        var report = try await queue.drain()
        #expect(report.retried == 1 && queue.state(of: id) == .retryable)
        queue.clock.advance(by: .seconds(9))
        #expect(try await queue.drain().attempts == 0)
        report = try await queue.drain(advancingClock: true)
        #expect(report.retried == 1 && report.dead == 1 && queue.state(of: id) == .dead)
        let waited = queue.clock.now
        #expect(waited > .seconds(29) && waited <= .seconds(30))
        #expect(queue.deadLetters.map(\.description) == ["count.failed: attempt 3"])
    }

    @Test("snoozes use no attempt; cancelled and dead are final")
    func outcomes() async throws {
        let queue = try queue { count, attempt in
            switch count.number {
            case 1: attempt.attempt == 1 && attempt.id == 1 ? .cancelled(reason: "no need") : .completed
            case 2: .dead(HandlerError("count.odd", "two is odd"))
            default: .snoozed(for: .seconds(60), reason: "busy")
            }
        }
        try await queue.enqueue([Count(number: 1), Count(number: 2), Count(number: 3)], TaskOptions())
        let report = try await queue.drain()
        #expect(report.cancelled == 1 && report.dead == 1 && report.snoozed == 1 && queue.liveCount == 1)
        await #expect(throws: SluiceError.self) { try await queue.drain(advancingClock: true, limit: 50) }
        #expect(queue.state(of: 3) == .scheduled)
    }

    @Test("keys are kept, replaced, rescheduled as in the fleet")
    func keys() async throws {
        let queue = try queue { _, _ in .completed }
        let first = try await queue.enqueue(Count(number: 1), TaskOptions(delay: .seconds(9), uniqueKey: "k"))
        for (policy, resolution) in [
            (KeyConflict.keep, TaskReceipt.Resolution.kept), (.replace, .replaced), (.reschedule, .rescheduled),
        ] {
            let again = try await queue.enqueue(
                Count(number: 2),
                TaskOptions(delay: .seconds(3), uniqueKey: "k", onConflict: policy)
            )
            #expect(again.id == first.id && again.resolution == resolution)
        }
        #expect(queue.enqueued(Count.self).map(\.number) == [2])
        try await queue.drain(advancingClock: true)
        #expect(queue.clock.now == .seconds(3))
        #expect(try await queue.enqueue(Count(number: 3), TaskOptions(uniqueKey: "k")).resolution == .created)
    }

    @Test("what cannot be is said at once")
    func refusals() async throws {
        struct Misnamed: TaskKindDefinition {
            static let kind = "Not A Name"
            static let queue = "numbers"
        }
        let queue = TestQueue()
        await #expect(throws: SluiceError.self) { try await queue.enqueue(Misnamed()) }
        await #expect(throws: SluiceError.self) { try await queue.enqueue(Unhandled(), TaskOptions(tenant: "A B")) }
        try await queue.enqueue(Unhandled())
        await #expect(throws: SluiceError.self) { try await queue.drain() }
        var handlers = TaskHandlers()
        try handlers.handle(Unhandled.self) { _, _ in .completed }
        #expect(throws: SluiceError.self) { try handlers.handle(Unhandled.self) { _, _ in .completed } }
    }
}

extension DrainReport {
    fileprivate static func done(_ count: Int) -> DrainReport {
        var report = DrainReport()
        report.attempts = count
        report.completed = count
        return report
    }
}
