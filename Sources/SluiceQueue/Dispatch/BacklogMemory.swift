package import SluiceCore

/// What the relay remembers of a queue's backlog from one look to the next, for when looking is dear.
///
/// While somebody holds an old snapshot, dead entries pile up before the heads of the streams and every look from the
/// beginning walks through all of them. So a look from the beginning is made at most a tenth of the time, as far as that
/// leaves none out for longer than `longest`; in between streams are read from where they began the last time. As long as
/// looks are cheap, which is nearly always, each is made from the beginning.
///
/// A pure value.
package struct BacklogMemory: Sendable {
    /// How long a new stream, or a task that came back with an old `run_at`, may stay unseen at worst.
    package static let longest = Duration.seconds(15)
    /// Looks that cost less are not worth saving: a new tenant is seen at once.
    package static let cheap = Duration.milliseconds(100)
    /// Dearer looks from the beginning cost this part of the time at most.
    private static let share = 10

    private var streams: [BacklogStream] = []
    private var starts: [BacklogStream: StreamPosition] = [:]
    private var isWhole = false
    private var lookedAt: Instant?
    private var cost = Duration.zero

    package init() {}

    /// The streams known, when it is too early to look from the beginning again.
    package func known(at now: Instant) -> [BacklogStream]? {
        guard isWhole, !streams.isEmpty, cost >= Self.cheap, let lookedAt else { return nil }
        return now - lookedAt < min(cost * Self.share, Self.longest) ? streams : nil
    }

    /// Where a stream began when it was read last; nil: not known.
    package func start(of stream: BacklogStream) -> StreamPosition? { starts[stream] }

    /// Takes notice of a look from the beginning.
    ///
    /// - Parameter isWhole: true when these are all streams that there are.
    package mutating func looked(_ streams: [BacklogStream], isWhole: Bool, at now: Instant) {
        self.streams = streams
        self.isWhole = isWhole
        starts = [:]
        lookedAt = now
        cost = .zero
    }

    /// Adds to what the look cost.
    package mutating func spent(_ duration: Duration) { cost += duration }

    /// Takes notice of where streams begin.
    package mutating func read(_ heads: [Candidate]) {
        var first: [BacklogStream: StreamPosition] = [:]
        let byKey = Dictionary(streams.map { (Key($0.tenant, $0.kind, $0.priority), $0) }) { first, _ in first }
        for head in heads {
            guard let stream = byKey[Key(head.tenant, head.kind, head.priority)] else { continue }
            let position = StreamPosition(head)
            first[stream] = first[stream].map { min($0, position) } ?? position
        }
        starts.merge(first) { _, new in new }
    }

    /// The next look is from the beginning: something came back, or what is known has run dry.
    package mutating func forget() { lookedAt = nil }

    private struct Key: Hashable {
        let tenant: TenantID
        let kind: TaskKind
        let priority: Int

        init(_ tenant: TenantID, _ kind: TaskKind, _ priority: Int) {
            self.tenant = tenant
            self.kind = kind
            self.priority = priority
        }
    }
}
