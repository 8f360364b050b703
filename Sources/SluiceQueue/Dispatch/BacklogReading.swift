package import SluiceCore

/// How much of each stream to read so that a window can be filled fairly: first each tenant's share, then more of those that
/// have more while there is room.
///
/// A pure value. What it reads is bounded by the room, whatever is queued.
package struct BacklogReading: Sendable {
    private struct Row {
        let stream: BacklogStream
        /// Tasks of it that may be in the window or under way, which are of no use.
        let outstanding: Int
        var limit: Int
        var heads: [Candidate] = []
        var isWhole = false
        var isStale = true
    }

    private var rows: [Row]
    /// True when reading further would bring nothing.
    package private(set) var isDone = false

    package init(_ streams: [BacklogStream], room: Int, outstanding: [TenantID: [TaskKind: Int]]) {
        var weights: [TenantID: Int] = [:]
        for stream in streams { weights[stream.tenant] = stream.weight }
        let tenants = Array(weights)
        let shares = FairSelector.shares(of: room, weights: tenants.map(\.value))
        let share = Dictionary(uniqueKeysWithValues: zip(tenants.map(\.key), shares))
        rows = streams.map { stream in
            let outstanding = outstanding[stream.tenant]?[stream.kind] ?? 0
            return Row(
                stream: stream,
                outstanding: outstanding,
                limit: min(room, share[stream.tenant] ?? room) + outstanding
            )
        }
        isDone = rows.isEmpty || room <= 0
    }

    /// What to read now.
    package var requests: [StreamRequest] {
        rows.filter(\.isStale).map { StreamRequest(stream: $0.stream, limit: $0.limit) }
    }

    /// Takes the answer to `requests`.
    package mutating func received(_ heads: [Candidate]) {
        let grouped = Dictionary(grouping: heads) { StreamKey($0) }
        for index in rows.indices where rows[index].isStale {
            let stream = rows[index].stream
            rows[index].heads = (grouped[StreamKey(stream)] ?? []).sorted { ($0.runAt, $0.id) < ($1.runAt, $1.id) }
            rows[index].isWhole = rows[index].heads.count < rows[index].limit
            rows[index].isStale = false
        }
    }

    /// What has been read, by tenant, each in the order in which its tasks should run.
    ///
    /// A tenant's tasks end where a stream of it was cut off: beyond that a better one may be among those not read.
    package func backlogs(_ order: AgingOrder, without isOutstanding: (TaskID) -> Bool) -> [TenantBacklog] {
        Dictionary(grouping: rows, by: \.stream.tenant).map { tenant, rows in
            let cuts = rows.filter { !$0.isWhole }.compactMap { $0.heads.last.map { order.rank($0) } }
            let cut = cuts.min() ?? .max
            let sorted = order.sorted(rows.flatMap(\.heads).filter { !isOutstanding($0.id) && order.rank($0) <= cut })
            return TenantBacklog(
                tenant: tenant,
                weight: rows[0].stream.weight,
                candidates: sorted,
                isWhole: rows.allSatisfy(\.isWhole)
            )
        }
    }

    /// Asks for more of the streams that have more, when `missing` places are left.
    package mutating func widen(by missing: Int) {
        let more = rows.indices.filter { !rows[$0].isWhole }
        guard missing > 0, !more.isEmpty else {
            isDone = true
            return
        }
        let extra = (2 * missing + more.count - 1) / more.count
        for index in more {
            rows[index].limit += extra
            rows[index].isStale = true
        }
    }
}
