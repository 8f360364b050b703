package import SluiceCore

/// What the relay remembers of a queue's streams, so that it need not pass over the same dead rows with every look.
///
/// While a transaction stays open anywhere, the database keeps every task that has gone since in its place, and each look at
/// the head of a stream passes over all of them. Then streams are read from where they began the last time, new ones are
/// sought between those that are known, and what comes in before those places (a rescued task, one whose transaction was
/// long) is found by reviews beside the relay, as seldom as their cost demands. While looks are cheap, every one is whole and
/// nothing is remembered.
///
/// A pure value.
package struct StreamMemory: Sendable {
    package struct Page: Sendable, Equatable {
        package var streams: [BacklogStream]
        /// True when these are all streams of the queue.
        package let isWhole: Bool

        package init(streams: [BacklogStream], isWhole: Bool) {
            self.streams = streams
            self.isWhole = isWhole
        }
    }

    /// How far back a review goes.
    package enum Reach: Sendable, Equatable {
        /// Before the marks by so much as tasks become visible out of order, now and then.
        case near
        /// To the beginning.
        case all
    }

    /// A whole look that costs no more than this is always made: what it saves would not be worth much.
    package static let cheap = Duration.milliseconds(20)
    /// Streams that are remembered; a queue with more is looked through whole.
    package static let most = 512
    /// Tasks of a stream that one review finds at most.
    package static let reviewed = 64
    /// Tasks become visible a little out of order: read from this much before the mark. Microseconds.
    package static let margin: Int64 = 100_000
    /// As far as a near review goes back. Microseconds.
    package static let nearMargin: Int64 = 5_000_000

    /// Only the last of so many dear looks in a row counts, unless it is very dear: one alone says that the machine was busy.
    private static let inARow = 3
    private static let veryDear = Duration.seconds(1)
    /// Looks of a sort take at most one part in so many of the time.
    private static let share = 20

    private struct Pace {
        let atLeast: Duration
        var dueAt: Instant?

        func isDue(at now: Instant) -> Bool { dueAt.map { now >= $0 } ?? true }
        mutating func done(in cost: Duration, at now: Instant) { dueAt = now + max(atLeast, cost * StreamMemory.share) }
    }

    private var page: Page?
    private var dearInARow = 0
    private var seeking = Pace(atLeast: .milliseconds(50))
    private var near = Pace(atLeast: .seconds(1))
    private var all = Pace(atLeast: .seconds(5))
    /// When the first task of each stream was to run, at the last look.
    private var marks: [StreamKey: Int64] = [:]
    /// Tasks before the marks, which a review found.
    private var strays: [StreamKey: [Candidate]] = [:]
    /// True when tasks came back while a review was reading: it may have passed their places before.
    private var hasMissed = false

    package init() {}

    /// The streams to read; nil when the relay is to look through the queue itself.
    package var remembered: Page? { page }

    // MARK: - Whole looks

    /// A whole look was made and took `cost`. Only one that sees all streams can stand in for others.
    package mutating func looked(_ page: Page, cost: Duration, at now: Instant) {
        dearInARow = cost > Self.cheap ? dearInARow + 1 : 0
        guard dearInARow >= Self.inARow || cost >= Self.veryDear, page.isWhole else { return forget() }
        self.page = page
        near.done(in: .zero, at: now)
        all.done(in: cost, at: now)
    }

    /// From here on looks are whole again.
    package mutating func forget() {
        page = nil
        marks = [:]
        strays = [:]
        seeking.dueAt = nil
    }

    // MARK: - Reading on

    /// Where to begin in a stream of the page remembered. Microseconds since 1970; nil: at its beginning.
    package func start(of stream: BacklogStream) -> Int64? { marks[StreamKey(stream)].map { $0 - Self.margin } }

    /// What reviews found of these streams before their marks, until it was chosen.
    package func strays(of streams: [BacklogStream]) -> [Candidate] {
        if strays.isEmpty { return [] }
        return streams.flatMap { strays[StreamKey($0)] ?? [] }
    }

    /// These go into the window, each once: a hint that is lost is found anew by a review.
    package mutating func chose(_ tasks: [Candidate]) {
        if strays.isEmpty { return }
        for (key, chosen) in Dictionary(grouping: tasks, by: { StreamKey($0) }) where strays[key] != nil {
            let ids = Set(chosen.map(\.id))
            strays[key]?.removeAll { ids.contains($0.id) }
        }
        strays = strays.filter { !$0.value.isEmpty }
    }

    /// The tasks that a look found.
    package mutating func found(_ heads: [Candidate]) {
        marks.merge(Self.beginnings(heads)) { $1 }
    }

    /// True when it is time to look for streams that are not known.
    package func seeks(at now: Instant) -> Bool { page != nil && seeking.isDue(at: now) }

    /// Streams between those that are known were looked for. There may be more where one was found.
    package mutating func sought(_ new: [BacklogStream], cost: Duration, at now: Instant) {
        seeking.done(in: cost, at: now)
        guard let known = page else { return }
        if known.streams.count + new.count > Self.most { return forget() }
        let keys = Set(known.streams.map { StreamKey($0) })
        page?.streams += new.filter { !keys.contains(StreamKey($0)) }
        if !new.isEmpty { seeking.dueAt = nil }
    }

    // MARK: - Reviews

    /// The review that is due, if any.
    package func review(at now: Instant) -> Reach? {
        if page == nil { return nil }
        if all.isDue(at: now) { return .all }
        return near.isDue(at: now) ? .near : nil
    }

    /// Begins a review: what it reads, of each stream no more than `reviewed` tasks.
    package mutating func begin(_ reach: Reach) -> [StreamRequest] {
        if reach == .all { hasMissed = false }
        return (page?.streams ?? []).map { stream in
            let mark = marks[StreamKey(stream)]
            return StreamRequest(
                stream: stream,
                limit: Self.reviewed,
                since: reach == .all ? nil : mark.map { $0 - Self.nearMargin }
            )
        }
    }

    /// A review found these tasks at the beginnings of streams.
    package mutating func reviewed(_ reach: Reach, _ heads: [Candidate], cost: Duration, at now: Instant) {
        near.done(in: reach == .near ? cost : .zero, at: now)
        if reach == .all {
            all.done(in: cost, at: now)
            // Soon again, but not without a pause: tasks may come back all the time.
            if hasMissed { all.dueAt = now + cost }
        }
        if page == nil { return }
        if reach == .all, cost <= Self.cheap / 2 { return forget() }
        for (key, heads) in Dictionary(grouping: heads, by: { StreamKey($0) }) {
            guard let mark = marks[key] else { continue }
            let before = heads.filter { $0.runAt < mark - Self.margin }
            if before.count >= Self.reviewed {
                // Very many: it is cheap to begin with them, as they lie together.
                marks[key] = before.map(\.runAt).min() ?? mark
                strays[key] = nil
            } else {
                // A few: to begin with them would mean to pass over all that has gone since, until they have gone too.
                strays[key] = before.isEmpty ? nil : before
            }
        }
    }

    /// Tasks came back that were to run at `runAt` or later; nil: at any time.
    package mutating func cameBack(from runAt: Int64?) {
        guard let runAt else { return wantReview() }
        guard let latest = marks.values.max() else { return }
        if latest - runAt > Self.nearMargin { return wantReview() }
        for key in marks.keys { marks[key] = min(marks[key] ?? runAt, runAt) }
    }

    private mutating func wantReview() {
        all.dueAt = nil
        hasMissed = true
    }

    private static func beginnings(_ heads: [Candidate]) -> [StreamKey: Int64] {
        Dictionary(heads.map { (StreamKey($0), $0.runAt) }, uniquingKeysWith: min)
    }
}

/// A stream's name.
struct StreamKey: Hashable, Sendable {
    let tenant: TenantID
    let kind: TaskKind
    let priority: Int

    init(_ stream: BacklogStream) { (tenant, kind, priority) = (stream.tenant, stream.kind, stream.priority) }
    init(_ task: Candidate) { (tenant, kind, priority) = (task.tenant, task.kind, task.priority) }
}
