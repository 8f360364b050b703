/// The moments at which a rule fires in a time zone. A pure value.
///
/// Through a change of the clock, as cron(8) does it: a rule with an open minute or hour (`*`, `*/n`) follows real time, and
/// fires at every real moment whose local time matches. Any other means times of the day, each once: one that the clock
/// jumps over fires at the first moment after the gap, one that comes twice fires the first time. Several times of the day
/// in one gap are one fire.
package struct FireTimes: Hashable, Sendable {
    package let rule: FireRule
    package let zone: TimeZoneRules
    /// Longer than the longest pause that any rule makes, 40 years between 29 Februaries on one weekday.
    private static let horizon: Int64 = 100 * 366 * 86_400

    package init(_ rule: FireRule, in zone: TimeZoneRules) {
        self.rule = rule
        self.zone = zone
    }

    /// The first fire after `time`; nil when there is none in a century.
    package func next(after time: UnixTime) -> UnixTime? {
        switch rule {
        case .every(let seconds): UnixTime((floorDivide(time.seconds, by: seconds) + 1) * seconds)
        case .cron(let expression):
            expression.followsRealTime
                ? nextRealTime(expression, after: time) : nextTimeOfDay(expression, after: time)
        }
    }

    /// Fires from `start` to `end`, both inclusive, oldest first, at most `limit`.
    package func fires(from start: UnixTime, to end: UnixTime, limit: Int) -> [UnixTime] {
        var fires: [UnixTime] = []
        var time = start - 1
        while fires.count < limit, let next = next(after: time), next <= end {
            fires.append(next)
            time = next
        }
        return fires
    }

    /// The last `count` fires from `start` to `end`, both inclusive, oldest first.
    package func lastFires(_ count: Int, from start: UnixTime, to end: UnixTime) -> [UnixTime] {
        // Rules are made to be followed forwards: look at longer and longer ends of the span.
        var length: Int64 = 3_600
        while true {
            let from = max(start, end - length)
            let fires = fires(from: from, to: end, limit: .max)
            if fires.count >= count || from == start { return fires.suffix(count) }
            length *= 2
        }
    }

    private func nextRealTime(_ expression: CronExpression, after time: UnixTime) -> UnixTime? {
        var start = time + 1
        while start.seconds - time.seconds < Self.horizon {
            let span = zone.span(at: start)
            let offset = Int64(span.offset)
            let end = span.end.map { $0.seconds + offset } ?? .max
            if let local = expression.next(notBefore: start.seconds + offset, before: end) {
                return UnixTime(local - offset)
            }
            guard let next = span.end else { return nil }
            start = next
        }
        return nil
    }

    private func nextTimeOfDay(_ expression: CronExpression, after time: UnixTime) -> UnixTime? {
        // No local time before this one comes after `time`: offsets of the next two days cover every gap and repetition.
        var local = time.seconds + Int64(zone.smallestOffset(from: time, to: time + 2 * 86_400))
        while let match = expression.next(notBefore: local, before: .max) {
            let moment = zone.moment(ofLocal: match)
            if moment > time { return moment.seconds - time.seconds < Self.horizon ? moment : nil }
            local = match + 60
        }
        return nil
    }
}
