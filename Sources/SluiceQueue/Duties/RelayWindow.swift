package import SluiceCore

/// How many ids of one queue to push, and which not again: keeps a bounded window of hints in front of the workers.
///
/// The window gives backpressure and immediate effect to pauses and priorities, and makes a wiped Redis whole again within
/// a moment: what counts is what is in it now. Beyond that, what was pushed within `transit` is remembered, since a task that
/// was fetched but is not claimed yet still looks available. A hint that was lost is therefore replaced after that time.
///
/// A pure value.
package struct RelayWindow: Sendable {
    package struct Plan: Equatable, Sendable {
        /// Ids that the window should hold, 64...4,096.
        package let target: Int
        /// Ids to push now; 0 while the window is more than half full.
        package let wanted: Int
        /// True when the window must be emptied: the queue is closed.
        package let clears: Bool
    }

    package static let smallest = 64
    package static let largest = 4_096
    package static let transit = Duration.milliseconds(200)

    /// Whose task an id is, as far as it matters here.
    private struct Entry {
        let tenant: TenantID
        let kind: TaskKind
        let pushedAt: Instant
    }

    /// Pushed within `transit`, or in the window when it was last looked at.
    private var entries: [TaskID: Entry] = [:]
    /// In the window when it was last looked at.
    private var present: Set<TaskID> = []
    /// Pushed within `transit`.
    private var recent = 0

    package init() {}

    /// - Parameters:
    ///   - inWindow: ids that the window holds now.
    ///   - isClosed: true when the queue is paused or slowed down.
    package mutating func plan(slots: Int, isClosed: Bool, inWindow: Int, at now: Instant) -> Plan {
        if inWindow == 0 { present = [] }
        prune(at: now)
        // A few ids for each slot; more when workers empty it faster than that.
        let emptied = max(0, recent - inWindow)
        let target = min(Self.largest, max(Self.smallest, slots * 4, emptied * 2))
        return Plan(
            target: target,
            wanted: isClosed || inWindow > target / 2 ? 0 : target - inWindow,
            clears: isClosed && inWindow > 0
        )
    }

    /// Takes notice of what the window holds.
    ///
    /// - Returns: ids of which nothing is known: enqueuers or a former leader put them there.
    package mutating func observe(_ ids: [TaskID], at now: Instant) -> [TaskID] {
        present = Set(ids)
        prune(at: now)
        return present.filter { entries[$0] == nil }
    }

    private mutating func prune(at now: Instant) {
        recent = 0
        entries = entries.filter { id, entry in
            let isRecent = now - entry.pushedAt < Self.transit
            if isRecent { recent += 1 }
            return isRecent || present.contains(id)
        }
    }

    /// What the store says of ids of which nothing was known. Those it does not have any more are stale: nobody minds them.
    package mutating func learn(_ tasks: [Candidate], at now: Instant) {
        for task in tasks {
            entries[task.id] = Entry(tenant: task.tenant, kind: task.kind, pushedAt: now - Self.transit)
        }
    }

    /// True for what is in the window or under way.
    package func isOutstanding(_ id: TaskID) -> Bool { entries[id] != nil || present.contains(id) }

    /// How many of a tenant's tasks are in the window or under way, by kind.
    package var outstanding: [TenantID: [TaskKind: Int]] {
        entries.values.reduce(into: [:]) { $0[$1.tenant, default: [:]][$1.kind, default: 0] += 1 }
    }

    /// Ids in the window or under way whose task matches.
    package func outstanding(where matches: (TenantID, TaskKind) -> Bool) -> [TaskID] {
        entries.compactMap { matches($1.tenant, $1.kind) ? $0 : nil }
    }

    package mutating func pushed(_ tasks: some Sequence<Candidate>, at now: Instant) {
        for task in tasks {
            entries[task.id] = Entry(tenant: task.tenant, kind: task.kind, pushedAt: now)
            present.insert(task.id)
        }
    }

    /// These are available again, were never claimed or are no longer in the window: hint at them at once.
    package mutating func forget(_ ids: some Sequence<TaskID>) {
        for id in ids {
            entries[id] = nil
            present.remove(id)
        }
    }
}
