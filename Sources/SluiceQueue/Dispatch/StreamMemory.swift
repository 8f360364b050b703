package import SluiceCore

/// What the relay remembers of a queue's streams, so that it need not pass over the same dead rows with every look.
///
/// While a transaction stays open anywhere, the database keeps every task that has gone since in its place, and each look at
/// the head of a stream passes over all of them. Then whole looks are made seldom, as their cost allows, and in between each
/// stream is read from where it began the last time. What comes in before that place (a rescued task, one whose transaction
/// was long) is found by the next whole look. While looks are cheap, every one is whole.
package struct StreamMemory: Sendable {
    package struct Page: Sendable, Equatable {
        package let streams: [BacklogStream]
        /// True when these are all streams of the queue.
        package let isWhole: Bool

        package init(streams: [BacklogStream], isWhole: Bool) {
            self.streams = streams
            self.isWhole = isWhole
        }
    }

    private struct Key: Hashable {
        let tenant: TenantID
        let kind: TaskKind
        let priority: Int
    }

    /// A whole look that costs no more than this is always made: what it saves would not be worth that a tenant who has just
    /// come is not seen. A busy machine alone makes looks of some ten milliseconds.
    package static let cheap = Duration.milliseconds(75)
    /// How far apart whole looks are: twenty times their cost, but no more than five seconds, unless they themselves take
    /// so long that the relay would do nothing else.
    private static func pause(after cost: Duration) -> Duration { min(cost * 20, max(.seconds(5), cost * 3)) }
    /// Tasks become visible a little out of order: read from this much before the mark. Microseconds.
    package static let margin: Int64 = 5_000_000

    /// Only the last of so many dear looks in a row counts, unless it is very dear: one alone says that the machine was busy,
    /// and to remember streams then would keep a tenant who has just come waiting for nothing.
    private static let inARow = 3
    private static let veryDear = Duration.seconds(1)

    private var page: Page?
    private var dearInARow = 0
    private var dueAt: Instant?
    /// When the first task of each stream was to run, at the last look.
    private var marks: [Key: Int64] = [:]

    package init() {}

    /// The streams to read without looking for others; nil when a whole look is due.
    package func remembered(at now: Instant) -> Page? {
        guard let dueAt, now < dueAt else { return nil }
        return page
    }

    /// Where to begin in a stream of the page remembered. Microseconds since 1970; nil: at its beginning.
    package func start(of stream: BacklogStream) -> Int64? {
        marks[Key(tenant: stream.tenant, kind: stream.kind, priority: stream.priority)].map { $0 - Self.margin }
    }

    /// A whole look was made and took `cost`. Only one that sees all streams can stand in for others.
    package mutating func looked(_ page: Page, cost: Duration, at now: Instant) {
        dearInARow = cost > Self.cheap ? dearInARow + 1 : 0
        guard dearInARow >= Self.inARow || cost >= Self.veryDear, page.isWhole else { return forget() }
        self.page = page
        dueAt = now + Self.pause(after: cost)
    }

    /// The tasks that a look found.
    package mutating func found(_ heads: [Candidate]) {
        var first: [Key: Int64] = [:]
        for head in heads {
            let key = Key(tenant: head.tenant, kind: head.kind, priority: head.priority)
            first[key] = min(first[key] ?? .max, head.runAt)
        }
        marks.merge(first) { $1 }
    }

    /// Something came back that may lie before the marks: the next look is whole.
    package mutating func forget() {
        page = nil
        dueAt = nil
        marks = [:]
    }
}
