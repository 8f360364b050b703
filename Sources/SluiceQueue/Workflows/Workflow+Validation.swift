internal import SluiceCore

/// Why a workflow cannot be stored.
package struct WorkflowError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

extension Workflow {
    /// Nodes in all its batches together, at most.
    package static let maxNodes = 100_000
    /// Batches inside each other, at most.
    package static let maxDepth = 16

    /// All nodes, those of inner batches included.
    package var nodeCount: Int {
        nodes.reduce(nodes.count) { count, node in
            if case .batch(let inner) = node.work { count + inner.nodeCount } else { count }
        }
    }

    /// Throws for what could not be stored or could never end: empty batches, unknown names, cycles.
    package func validate() throws(WorkflowError) {
        let count = nodeCount
        guard count <= Self.maxNodes else {
            throw WorkflowError("the workflow has \(count) nodes; at most \(Self.maxNodes) are stored: split it")
        }
        try validate(path: [])
        var keys: Set<[String]> = []
        try forEachTask { path, task throws(WorkflowError) in
            guard let key = task.uniqueKey else { return }
            guard keys.insert([task.kind.rawValue, key]).inserted else {
                throw WorkflowError("\(Self.name(path)): another node has the same kind and unique key")
            }
        }
    }

    private func validate(path: [String]) throws(WorkflowError) {
        guard path.count < Self.maxDepth else {
            throw WorkflowError("\(Self.name(path)): batches are nested deeper than \(Self.maxDepth)")
        }
        if nodes.isEmpty { throw WorkflowError("\(Self.name(path)): a batch needs at least one node") }
        var places: [String: Int] = [:]
        for (place, node) in nodes.enumerated() {
            guard (1...200).contains(node.name.unicodeScalars.count), !node.name.utf8.contains(0) else {
                throw WorkflowError("\(Self.name(path)): a node's name has 1 to 200 characters, not '\(node.name)'")
            }
            guard places.updateValue(place, forKey: node.name) == nil else {
                throw WorkflowError("\(Self.name(path)): two nodes are named '\(node.name)'")
            }
        }
        for node in nodes {
            var seen: Set<String> = []
            for edge in node.after {
                guard places[edge.node] != nil else {
                    throw WorkflowError(
                        "\(Self.name(path + [node.name])): comes after '\(edge.node)', which is no node of its batch"
                    )
                }
                guard seen.insert(edge.node).inserted else {
                    throw WorkflowError(
                        "\(Self.name(path + [node.name])): names '\(edge.node)' twice in what it comes after"
                    )
                }
            }
        }
        if let cycle = cycle(places) {
            throw WorkflowError(
                "\(Self.name(path)): these nodes wait for each other: \(cycle.joined(separator: " → "))"
            )
        }
        for node in nodes {
            if case .batch(let inner) = node.work { try inner.validate(path: path + [node.name]) }
        }
    }

    /// The names along one cycle, its first repeated at the end; nil when there is none. Kahn's algorithm.
    private func cycle(_ places: [String: Int]) -> [String]? {
        var waits = nodes.map(\.after.count)
        var next = [[Int]](repeating: [], count: nodes.count)
        for (place, node) in nodes.enumerated() {
            for edge in node.after { if let before = places[edge.node] { next[before].append(place) } }
        }
        var ready = waits.indices.filter { waits[$0] == 0 }
        while let place = ready.popLast() {
            for following in next[place] {
                waits[following] -= 1
                if waits[following] == 0 { ready.append(following) }
            }
        }
        guard var place = waits.firstIndex(where: { $0 > 0 }) else { return nil }
        // Every node left over comes after another one left over: going back must meet a place again.
        var seen: [Int: Int] = [:]
        var trail: [Int] = []
        while seen[place] == nil {
            seen[place] = trail.count
            trail.append(place)
            guard let before = nodes[place].after.lazy.compactMap({ places[$0.node] }).first(where: { waits[$0] > 0 })
            else { break }
            place = before
        }
        let loop = trail[(seen[place] ?? 0)...].reversed().map { nodes[$0].name }
        return (loop.last.map { [$0] } ?? []) + loop
    }

    /// Each task with the names that lead to it.
    package func forEachTask<Failure: Error>(
        path: [String] = [],
        _ body: ([String], NewTask) throws(Failure) -> Void
    ) throws(Failure) {
        for node in nodes {
            switch node.work {
            case .task(let task): try body(path + [node.name], task)
            case .batch(let inner): try inner.forEachTask(path: path + [node.name], body)
            }
        }
    }

    private static func name(_ path: [String]) -> String {
        path.isEmpty ? "the workflow" : "node '\(path.joined(separator: "/"))'"
    }
}
