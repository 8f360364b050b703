import SluiceCore

/// What hints must do, in plain Swift: the measure of the Lua scripts.
struct HintModel {
    var windows: [QueueName: [TaskID]] = [:]
    var held: [WorkerID: Set<TaskID>] = [:]

    mutating func offer(_ ids: [TaskID], queue: QueueName, windowLimit: Int) -> Int {
        let taken = ids.prefix(max(0, windowLimit - (windows[queue] ?? []).count))
        windows[queue, default: []] += taken
        return taken.count
    }

    /// Straight after an enqueue, past an open gate.
    mutating func announce(_ ids: [TaskID], queue: QueueName, windowLimit: Int, isOpen: Bool) -> Int {
        isOpen ? offer(ids, queue: queue, windowLimit: windowLimit) : 0
    }

    mutating func withdraw(_ ids: [TaskID], queue: QueueName) -> Int {
        let before = windows[queue]?.count ?? 0
        windows[queue]?.removeAll { ids.contains($0) }
        return before - (windows[queue]?.count ?? 0)
    }

    mutating func fetch(queue: QueueName, worker: WorkerID, limit: Int) -> [TaskID] {
        let ids = Array((windows[queue] ?? []).prefix(limit))
        windows[queue]?.removeFirst(ids.count)
        if !ids.isEmpty { held[worker, default: []].formUnion(ids) }
        return ids
    }

    mutating func acknowledge(_ ids: [TaskID], worker: WorkerID) {
        held[worker]?.subtract(ids)
        forgetIfEmpty(worker)
    }

    mutating func handBack(_ ids: [TaskID], queue: QueueName, worker: WorkerID) {
        var returned: [TaskID] = []
        // From the last to the first, as each goes before the others; a doubled id goes back once, at its last place.
        for id in ids.reversed() where held[worker]?.remove(id) != nil { returned.insert(id, at: 0) }
        windows[queue, default: []].insert(contentsOf: returned, at: 0)
        forgetIfEmpty(worker)
    }

    mutating func reclaim(worker: WorkerID) -> Set<TaskID> { held.removeValue(forKey: worker) ?? [] }

    mutating func clear(queue: QueueName) { windows[queue] = nil }

    private mutating func forgetIfEmpty(_ worker: WorkerID) {
        if held[worker]?.isEmpty ?? false { held[worker] = nil }
    }
}
