import Glibc
import SluiceCore
import SluiceSystem
import SluiceTestKit
import Synchronization
import Testing

@Suite("A thread for loops")
struct LoopThreadTests {
    @Test("code that prefers it runs on its thread, and goes on there after a wait")
    func runsOnItsThread() async throws {
        let thread = LoopThread(name: "loop-test")
        defer { thread.stop() }
        let names = try await uncancelled(on: thread) {
            let before = threadName()
            _ = await Bell().wait(until: .now + .milliseconds(5), on: thread)
            return [before, threadName()]
        }
        #expect(names == ["loop-test", "loop-test"])
    }

    @Test("timers fire in order, and disarmed ones never")
    func timersFireInOrder() async throws {
        let thread = LoopThread(name: "loop-test")
        defer { thread.stop() }
        let fired = Mutex<[Int]>([])
        let now = ContinuousClock.now
        _ = thread.arm(at: now + .milliseconds(30)) { fired.withLock { $0.append(3) } }
        _ = thread.arm(at: now + .milliseconds(10)) { fired.withLock { $0.append(1) } }
        let disarmed = thread.arm(at: now + .milliseconds(20)) { fired.withLock { $0.append(2) } }
        thread.disarm(disarmed)
        try await eventually("both fire") { fired.withLock { $0.count } == 2 }
        #expect(fired.withLock { $0 } == [1, 3])
    }

    @Test("timers fire while every thread of the cooperative pool is blocked", .timeLimit(.minutes(1)))
    func timersNeedNoPool() async throws {
        let thread = LoopThread(name: "loop-test")
        defer { thread.stop() }
        let loop = TickingLoop()
        let ticking = detached(on: thread) { await loop.run(on: thread) }
        defer { ticking.cancel() }
        // Each holds a thread of the pool until ticks went on meanwhile: without them this would never end.
        await withDiscardingTaskGroup { group in
            for _ in 0..<(Environment.coreCount() * 2) {
                group.addTask {
                    let start = loop.count
                    while loop.count < start + 20 { usleep(500) }
                }
            }
        }
        loop.end()
        #expect(loop.count >= 20)
    }

    @Test("what is enqueued after the end runs all the same")
    func lateWorkRuns() async throws {
        let thread = LoopThread(name: "loop-test")
        thread.stop()
        try await eventually("late work runs") { try await uncancelled(on: thread) { true } }
    }
}

@Suite("A bell")
struct BellTests {
    @Test("a ring before the wait is kept, once")
    func keepsOneRing() async {
        let thread = LoopThread(name: "bell-test")
        defer { thread.stop() }
        let bell = Bell()
        bell.ring()
        bell.ring()
        #expect(await bell.wait(until: .now + .seconds(60), on: thread))
        #expect(!(await bell.wait(until: .now + .milliseconds(1), on: thread)))
        #expect(!(await bell.wait(atMost: .milliseconds(1))))
    }

    @Test("a late time limit does not end the next wait")
    func limitsEndTheirOwnWait() async {
        let thread = LoopThread(name: "bell-test")
        defer { thread.stop() }
        let bell = Bell()
        for _ in 0..<500 {
            // The ring races with the limit; whichever wins, the next wait must only end by a ring.
            detached { bell.ring() }
            _ = await bell.wait(until: .now + .microseconds(20), on: thread)
        }
        detached {
            for _ in 0..<3 { bell.ring() }
        }
        #expect(await bell.wait(until: .now + .seconds(60), on: thread))
    }

    @Test("cancelling ends the wait")
    func cancelling() async throws {
        let bell = Bell()
        let result = await withTaskGroup(of: Bool.self) { group in
            group.addTask { await bell.wait(atMost: .seconds(600)) }
            group.cancelAll()
            return await group.next() ?? true
        }
        #expect(!result)
    }
}

@Suite("Shutdown")
struct ShutdownTests {
    @Test("phases only go forward, and wake those who wait for them or for less")
    func goesForward() async {
        let shutdown = Shutdown()
        await withDiscardingTaskGroup { group in
            group.addTask { await shutdown.wait(for: .draining) }
            group.addTask { await shutdown.wait(for: .stopping) }
            shutdown.advance(to: .stopping)
        }
        shutdown.advance(to: .draining)
        #expect(shutdown.phase == .stopping)
        #expect(!(await shutdown.sleep(for: .seconds(600))))
    }

    @Test("a sleep ends with the drain")
    func sleepEnds() async {
        let shutdown = Shutdown()
        await withDiscardingTaskGroup { group in
            group.addTask { #expect(!(await shutdown.sleep(for: .seconds(600)))) }
            group.addTask { shutdown.advance(to: .draining) }
        }
        #expect(!shutdown.isRunning)
    }

    @Test("a sleep that is not disturbed says so")
    func sleepsThrough() async { #expect(await Shutdown().sleep(for: .milliseconds(1))) }
}

private final class TickingLoop: Sendable {
    private let ticks = Atomic<Int>(0)
    private let isOver = Atomic<Bool>(false)

    var count: Int { ticks.load(ordering: .relaxed) }

    func end() { isOver.store(true, ordering: .relaxed) }

    func run(on thread: LoopThread) async {
        let bell = Bell()
        while !isOver.load(ordering: .relaxed) {
            _ = await bell.wait(until: .now + .milliseconds(2), on: thread)
            ticks.add(1, ordering: .relaxed)
        }
    }
}

/// What `ps` shows for the calling thread.
private func threadName() -> String {
    guard let file = fopen("/proc/thread-self/comm", "r") else { return "" }
    defer { fclose(file) }
    var name = [CChar](repeating: 0, count: 32)
    guard fgets(&name, Int32(name.count), file) != nil else { return "" }
    return String(decoding: name.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
