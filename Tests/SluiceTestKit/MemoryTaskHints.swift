package import SluiceCore
internal import SluiceQueue
internal import SluiceSystem
internal import Synchronization

/// `TaskHints` in memory with faults on demand: messages lost, doubled, stale; the server gone or wiped.
package final class MemoryTaskHints: TaskHints {
    struct State {
        var windows: [QueueName: [TaskID]] = [:]
        var processing: [WorkerID: [TaskID]] = [:]
        var markers: [QueueName: Int] = [:]
        var waiters: [(number: Int, queues: [QueueName], bell: Bell, woken: QueueName?)] = []
        var nextWaiter = 0
        var isDown = false
        var losses = 0.0
        var doubles = 0.0
        var generator = SeededGenerator(seed: 1)
        var handedBack = 0
        var gates: Set<QueueName> = []
        var isCalled = false
        var callers: [Bell] = []
        var tokens: [ControlScope: Int] = [:]
    }

    private let state = Mutex(State())
    let timers = LoopThread(name: "hints")

    package init() {}

    // MARK: - For tests

    /// - Parameters:
    ///   - losses: the share of offered ids and of wake-ups that vanish.
    ///   - doubles: the share of offered ids that arrive twice.
    package func setFaults(losses: Double = 0, doubles: Double = 0, seed: UInt64 = 1) {
        state.withLock { state in
            state.losses = losses
            state.doubles = doubles
            state.generator = SeededGenerator(seed: seed)
        }
    }

    package func setDown(_ isDown: Bool) { state.withLock { $0.isDown = isDown } }

    /// FLUSHALL.
    package func wipe() {
        state.withLock { state in
            state.windows = [:]
            state.processing = [:]
            state.markers = [:]
            state.gates = []
            state.tokens = [:]
        }
    }

    package var handedBack: Int { state.withLock { $0.handedBack } }
    package func window(_ queue: QueueName) -> [TaskID] { state.withLock { $0.windows[queue] ?? [] } }
    package func processing(_ worker: WorkerID) -> [TaskID] { state.withLock { $0.processing[worker] ?? [] } }

    /// As if an incarnation had fetched these and vanished.
    package func leave(_ ids: [TaskID], to worker: WorkerID) {
        state.withLock { $0.processing[worker, default: []] += ids }
    }

    // MARK: - TaskHints

    package func offer(_ ids: [TaskID], queue: QueueName, windowLimit: Int) async throws -> Int {
        let (taken, bell) = try perform { state -> (Int, Bell?) in
            let taken = max(0, min(ids.count, windowLimit - (state.windows[queue]?.count ?? 0)))
            for id in ids.prefix(taken) {
                if Double.random(in: 0..<1, using: &state.generator) < state.losses { continue }
                state.windows[queue, default: []].append(id)
                if Double.random(in: 0..<1, using: &state.generator) < state.doubles {
                    state.windows[queue, default: []].append(id)
                }
            }
            guard taken > 0, Double.random(in: 0..<1, using: &state.generator) >= state.losses else {
                return (taken, nil)
            }
            return (taken, Self.wake(queue, &state))
        }
        bell?.ring()
        return taken
    }

    package func fetch(queue: QueueName, worker: WorkerID, limit: Int) async throws -> [TaskID] {
        try perform { state in
            let ids = Array((state.windows[queue] ?? []).prefix(limit))
            state.windows[queue]?.removeFirst(ids.count)
            if !ids.isEmpty { state.processing[worker, default: []] += ids }
            return ids
        }
    }

    package func waitForWork(queues: [QueueName], atMost: Duration) async throws -> QueueName? {
        let bell = Bell()
        let (number, known) = try perform { state -> (Int, QueueName?) in
            for queue in queues where (state.markers[queue] ?? 0) > 0 {
                state.markers[queue] = 0
                return (0, queue)
            }
            state.nextWaiter += 1
            state.waiters.append((state.nextWaiter, queues, bell, nil))
            return (state.nextWaiter, nil)
        }
        if let known { return known }
        _ = await bell.wait(until: .now + atMost, on: timers)
        return state.withLock { state in
            guard let index = state.waiters.firstIndex(where: { $0.number == number }) else { return nil }
            return state.waiters.remove(at: index).woken
        }
    }

    package func acknowledge(_ ids: [TaskID], worker: WorkerID) async throws {
        try perform { state in Self.remove(ids, worker, &state) }
    }

    package func handBack(_ ids: [TaskID], queue: QueueName, worker: WorkerID) async throws {
        let bell = try perform { state in
            Self.remove(ids, worker, &state)
            state.windows[queue] = ids + (state.windows[queue] ?? [])
            state.handedBack += ids.count
            return Self.wake(queue, &state)
        }
        bell?.ring()
    }

    package func windowCounts(_ queues: [QueueName]) async throws -> [QueueName: Int] {
        try perform { state in
            Dictionary(uniqueKeysWithValues: queues.map { ($0, state.windows[$0]?.count ?? 0) })
        }
    }

    package func windowIDs(_ queue: QueueName) async throws -> [TaskID] { try perform { $0.windows[queue] ?? [] } }
    package func clear(queue: QueueName) async throws { try perform { $0.windows[queue] = [] } }
    package func incarnations() async throws -> [WorkerID] { try perform { Array($0.processing.keys) } }

    package func reclaim(worker: WorkerID) async throws -> [TaskID] {
        try perform { $0.processing.removeValue(forKey: worker) ?? [] }
    }

    package func ping() async throws -> Duration { try perform { _ in .zero } }

    func perform<Value>(_ body: (inout State) -> Value) throws -> Value {
        try state.withLock { state throws(ServerFault) in
            if state.isDown { throw ServerFault() }
            return body(&state)
        }
    }

    /// One waiter, or a marker for the next.
    static func wake(_ queue: QueueName, _ state: inout State) -> Bell? {
        for index in state.waiters.indices
        where state.waiters[index].woken == nil && state.waiters[index].queues.contains(queue) {
            state.waiters[index].woken = queue
            return state.waiters[index].bell
        }
        state.markers[queue] = 1
        return nil
    }

    private static func remove(_ ids: [TaskID], _ worker: WorkerID, _ state: inout State) {
        for id in ids {
            if let index = state.processing[worker]?.firstIndex(of: id) { state.processing[worker]?.remove(at: index) }
        }
    }
}
