/// What a time zone's clocks show at every moment, past and future. A pure value, read from a TZif file's bytes.
package struct TimeZoneRules: Hashable, Sendable {
    /// A stretch of time with one offset.
    package struct Span: Hashable, Sendable {
        /// The first moment; nil for the beginning of time.
        package let start: UnixTime?
        /// The first moment after it; nil for the end of time.
        package let end: UnixTime?
        /// Seconds that local clocks are ahead of UTC.
        package let offset: Int
    }

    package let name: String
    /// Rising. Offset `n + 1` holds from change `n` on, offset 0 before all of them.
    private let changes: [Int64]
    private let offsets: [Int]
    /// What holds after the last change.
    private let footer: PosixTimeZone?

    /// - Parameter changes: moments rising, each with the offset that holds from there on.
    package init(name: String, initialOffset: Int, changes: [(at: Int64, offset: Int)], footer: PosixTimeZone?) {
        self.name = name
        self.changes = changes.map(\.at)
        offsets = [initialOffset] + changes.map(\.offset)
        self.footer = footer
    }

    /// Needs no file.
    package static let utc = TimeZoneRules(name: "UTC", initialOffset: 0, changes: [], footer: nil)

    package func offset(at time: UnixTime) -> Int { span(at: time).offset }

    package func span(at time: UnixTime) -> Span {
        var lower = 0
        var upper = changes.count
        while lower < upper {
            let middle = (lower + upper) / 2
            if changes[middle] <= time.seconds { lower = middle + 1 } else { upper = middle }
        }
        let start = lower == 0 ? nil : UnixTime(changes[lower - 1])
        if lower < changes.count { return Span(start: start, end: UnixTime(changes[lower]), offset: offsets[lower]) }
        guard let footer else { return Span(start: start, end: nil, offset: offsets[lower]) }
        return footer.span(at: time, since: start, offsetBefore: offsets[lower])
    }

    /// The moment at which local clocks show `local` (in local seconds): the first, where they do so twice. Where they never
    /// do, the first moment after the gap.
    package func moment(ofLocal local: Int64) -> UnixTime {
        // Offsets are within 26 hours of UTC, so nothing outside this window has to do with it.
        let window: Int64 = 27 * 3_600
        var gap: UnixTime?
        var span = span(at: UnixTime(local - window))
        while true {
            let moment = UnixTime(local - Int64(span.offset))
            if span.start.map({ $0 <= moment }) ?? true, span.end.map({ moment < $0 }) ?? true { return moment }
            guard let end = span.end, end.seconds <= local + window else { return gap ?? moment }
            let next = self.span(at: end)
            if gap == nil, moment >= end, UnixTime(local - Int64(next.offset)) < end { gap = end }
            span = next
        }
    }

    /// The smallest offset that holds at any moment from `start` to `end`.
    func smallestOffset(from start: UnixTime, to end: UnixTime) -> Int {
        var span = span(at: start)
        var smallest = span.offset
        while let next = span.end, next <= end {
            span = self.span(at: next)
            smallest = min(smallest, span.offset)
        }
        return smallest
    }
}
