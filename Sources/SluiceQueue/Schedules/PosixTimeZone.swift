/// The rule for the far future at the end of a TZif file, `CET-1CEST,M3.5.0,M10.5.0/3`. Source: POSIX, TZ; RFC 9636, 3.3.1.
package struct PosixTimeZone: Hashable, Sendable {
    /// When clocks change, on a day of each year.
    struct Change: Hashable, Sendable {
        enum Day: Hashable, Sendable {
            /// 1...365; 29 February is never counted.
            case julian(Int64)
            /// 0...365; 29 February is counted.
            case ofYear(Int64)
            /// `week` 5 is the last; `weekday` 0 is Sunday.
            case weekday(Int64, week: Int64, month: Int64)
        }

        let day: Day
        /// Seconds from local midnight, -167...167 hours.
        let time: Int64

        /// The change in one year, in local seconds.
        func local(in year: Int64) -> Int64 {
            let newYear = CivilDate(year: year, month: 1, day: 1).days
            switch day {
            case .julian(let number):
                let leapDay: Int64 = CivilDate.isLeap(year) && number >= 60 ? 1 : 0
                return (newYear + number - 1 + leapDay) * 86_400 + time
            case .ofYear(let number): return (newYear + number) * 86_400 + time
            case .weekday(let weekday, let week, let month):
                let first = CivilDate(year: year, month: month, day: 1).days
                let ahead = (weekday - CivilDate.weekday(ofDay: first) + 7) % 7
                var offset = ahead + (week - 1) * 7
                while offset >= CivilDate.length(ofMonth: month, in: year) { offset -= 7 }
                return (first + offset) * 86_400 + time
            }
        }
    }

    struct Daylight: Hashable, Sendable {
        let offset: Int64
        let start: Change
        let end: Change
    }

    /// Seconds ahead of UTC.
    let standard: Int64
    let daylight: Daylight?

    /// Nil for what cannot be read.
    package init?(_ text: String) {
        var scanner = TextScanner(text)
        guard Self.skipName(&scanner), let west = Self.time(&scanner, hours: 24) else { return nil }
        standard = -west
        if scanner.isAtEnd {
            daylight = nil
            return
        }
        guard Self.skipName(&scanner) else { return nil }
        var offset = standard + 3_600
        if let next = scanner.next, next != UInt8(ascii: ",") {
            guard let west = Self.time(&scanner, hours: 24) else { return nil }
            offset = -west
        }
        // Source: RFC 9636 requires the rule; POSIX leaves its absence to the implementation.
        guard scanner.take(","), let start = Self.change(&scanner), scanner.take(","),
            let end = Self.change(&scanner), scanner.isAtEnd
        else { return nil }
        daylight = Daylight(offset: offset, start: start, end: end)
    }

    /// The stretch of time around `time`, where the rule holds since `since` (nil: always).
    ///
    /// - Parameter offsetBefore: what holds from `since` until the rule's first change after it.
    func span(at time: UnixTime, since: UnixTime?, offsetBefore: Int) -> TimeZoneRules.Span {
        guard let daylight else { return TimeZoneRules.Span(start: since, end: nil, offset: Int(standard)) }
        let year = CivilTime(localSeconds: time.seconds + standard).date.year
        var changes: [(at: Int64, offset: Int64)] = []
        for year in year - 1...year + 1 {
            changes.append((daylight.end.local(in: year) - daylight.offset, standard))
            changes.append((daylight.start.local(in: year) - standard, daylight.offset))
        }
        // Where daylight time ends as the next begins, it goes on.
        changes.sort { $0.at == $1.at ? $0.offset == standard && $1.offset != standard : $0.at < $1.at }
        if let since { changes.removeAll { $0.at <= since.seconds } }
        let current = changes.last { $0.at <= time.seconds }
        return TimeZoneRules.Span(
            start: current.map { UnixTime($0.at) } ?? since,
            end: changes.first { $0.at > time.seconds }.map { UnixTime($0.at) },
            offset: current.map { Int($0.offset) } ?? offsetBefore
        )
    }

    // MARK: - Reading

    /// `CET`, `<+0330>`.
    private static func skipName(_ scanner: inout TextScanner) -> Bool {
        if scanner.take("<") {
            let name = scanner.take { $0 != UInt8(ascii: ">") }
            return scanner.take(">") && name.utf8.count >= 3
        }
        return scanner.take { isLetter($0) }.utf8.count >= 3
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
    }

    /// `[+-]hh[:mm[:ss]]` in seconds.
    private static func time(_ scanner: inout TextScanner, hours limit: Int64) -> Int64? {
        let sign: Int64 = scanner.take("-") ? -1 : 1
        if sign > 0 { _ = scanner.take("+") }
        guard let hours = scanner.number(in: 0...limit) else { return nil }
        var seconds = hours * 3_600
        for unit: Int64 in [60, 1] {
            guard scanner.take(":") else { break }
            guard let number = scanner.number(in: 0...59) else { return nil }
            seconds += number * unit
        }
        return sign * seconds
    }

    private static func change(_ scanner: inout TextScanner) -> Change? {
        let day: Change.Day
        if scanner.take("M") {
            guard let month = scanner.number(in: 1...12), scanner.take("."), let week = scanner.number(in: 1...5),
                scanner.take("."), let weekday = scanner.number(in: 0...6)
            else { return nil }
            day = .weekday(weekday, week: week, month: month)
        } else if scanner.take("J") {
            guard let number = scanner.number(in: 1...365) else { return nil }
            day = .julian(number)
        } else {
            guard let number = scanner.number(in: 0...365) else { return nil }
            day = .ofYear(number)
        }
        guard scanner.take("/") else { return Change(day: day, time: 7_200) }
        return time(&scanner, hours: 167).map { Change(day: day, time: $0) }
    }
}
