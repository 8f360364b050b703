package import SluiceCore
package import SluiceQueue
internal import SluiceSystem

extension MemoryTaskHints {
    package func announce(_ ids: [TaskID], queue: QueueName, windowLimit: Int) async throws -> Int {
        let isOpen = try perform { !$0.gates.contains(queue) }
        let taken = isOpen ? try await offer(ids, queue: queue, windowLimit: windowLimit) : 0
        if taken < ids.count { call() }
        return taken
    }

    private func call() {
        let callers = try? perform { state -> [Bell] in
            defer { state.callers = [] }
            state.isCalled = state.callers.isEmpty
            return state.callers
        }
        for bell in callers ?? [] { bell.ring() }
    }

    package func setGates(closed: [QueueName], open: [QueueName]) async throws {
        try perform { state in state.gates = state.gates.subtracting(open).union(closed) }
    }

    package func withdraw(_ ids: [TaskID], queue: QueueName) async throws -> Int {
        let unwanted = Set(ids)
        return try perform { state in
            let before = state.windows[queue]?.count ?? 0
            state.windows[queue]?.removeAll { unwanted.contains($0) }
            return before - (state.windows[queue]?.count ?? 0)
        }
    }

    /// Buckets that never fill again: a test gives out tokens by `returnTokens`.
    package func takeTokens(_ requests: [TokenRequest]) async throws -> [Int] {
        try perform { state in
            requests.map { request in
                let present = state.tokens[request.scope] ?? request.rate.burst
                let taken = min(request.count, present)
                state.tokens[request.scope] = present - taken
                return taken
            }
        }
    }

    package func returnTokens(_ requests: [TokenRequest]) async throws {
        try perform { state in
            for request in requests {
                let present = state.tokens[request.scope] ?? request.rate.burst
                state.tokens[request.scope] = min(request.rate.burst, present + request.count)
            }
        }
    }

    package func waitForCall(atMost: Duration) async throws -> Bool {
        let bell = Bell()
        let isCalled = try perform { state in
            defer { state.isCalled = false }
            if !state.isCalled { state.callers.append(bell) }
            return state.isCalled
        }
        if isCalled { return true }
        let wasCalled = await bell.wait(until: .now + atMost, on: timers)
        try perform { state in state.callers.removeAll { $0 === bell } }
        return wasCalled
    }

    package func dropAll(_ queues: [QueueName]) async throws -> Int {
        try perform { state in
            let count = queues.reduce(0) { $0 + (state.windows[$1]?.count ?? 0) }
            for queue in queues {
                state.windows[queue] = nil
                state.markers[queue] = nil
                state.gates.remove(queue)
            }
            return count
        }
    }
}
