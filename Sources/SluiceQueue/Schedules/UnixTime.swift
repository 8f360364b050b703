/// A moment on the world's clock, in whole seconds since 1970-01-01 00:00:00 UTC, leap seconds not counted.
///
/// Schedules are counted in the database's time; this is what they are computed with.
package struct UnixTime: Hashable, Comparable, Sendable {
    package let seconds: Int64

    package init(_ seconds: Int64) { self.seconds = seconds }

    /// - Parameter microseconds: since 1970-01-01 UTC; parts of a second are dropped, towards the past.
    package init(microseconds: Int64) { seconds = floorDivide(microseconds, by: 1_000_000) }

    package static func < (left: UnixTime, right: UnixTime) -> Bool { left.seconds < right.seconds }
    package static func + (time: UnixTime, seconds: Int64) -> UnixTime { UnixTime(time.seconds + seconds) }
    package static func - (time: UnixTime, seconds: Int64) -> UnixTime { UnixTime(time.seconds - seconds) }
}

extension UnixTime: CustomStringConvertible {
    /// RFC 3339 in UTC: `2026-03-29T01:00:00Z`.
    package var description: String { CivilTime(localSeconds: seconds).description + "Z" }

    /// RFC 3339 with a zone's offset at this moment: `2026-03-29T03:00:00+02:00`.
    package func text(in zone: TimeZoneRules) -> String {
        let offset = zone.offset(at: self)
        // RFC 3339 has no seconds in offsets; only local mean times of long ago have them.
        let minutes = Int64(abs(offset) / 60)
        return CivilTime(localSeconds: seconds + Int64(offset)).description
            + (offset < 0 ? "-" : "+") + twoDigits(minutes / 60) + ":" + twoDigits(minutes % 60)
    }
}

extension UnixTime {
    /// Reads `2026-03-29`, `2026-03-29T03:00`, `2026-03-29T03:00:00`, each as a local time of `zone`, or with `Z` or an offset
    /// (`+02:00`) behind a time; a blank instead of `T` will do. Nil for anything else, and for dates there are not.
    ///
    /// A local time that there is twice is the first; one that there is not is the moment after the gap.
    package init?(text: String, in zone: TimeZoneRules) {
        var scanner = TextScanner(text)
        guard let date = scanner.date() else { return nil }
        var time: (hour: Int64, minute: Int64, second: Int64) = (0, 0, 0)
        var offset: Int64?
        if !scanner.isAtEnd {
            guard scanner.take("T") || scanner.take("t") || scanner.take(" "),
                let hour = scanner.number(digits: 2, in: 0...23), scanner.take(":"),
                let minute = scanner.number(digits: 2, in: 0...59)
            else { return nil }
            time = (hour, minute, 0)
            if scanner.take(":") {
                guard let second = scanner.number(digits: 2, in: 0...59) else { return nil }
                time.second = second
            }
            if scanner.take("Z") || scanner.take("z") {
                offset = 0
            } else if let sign: Int64 = scanner.take("+") ? 1 : scanner.take("-") ? -1 : nil {
                guard let hours = scanner.number(digits: 2, in: 0...23), scanner.take(":"),
                    let minutes = scanner.number(digits: 2, in: 0...59)
                else { return nil }
                offset = sign * (hours * 3_600 + minutes * 60)
            }
        }
        guard scanner.isAtEnd else { return nil }
        let local = date.days * 86_400 + time.hour * 3_600 + time.minute * 60 + time.second
        self = offset.map { UnixTime(local - $0) } ?? zone.moment(ofLocal: local)
    }
}

/// Reads a text from its beginning, piece by piece.
struct TextScanner {
    private var rest: Substring.UTF8View

    init(_ text: String) { rest = text[...].utf8 }

    var isAtEnd: Bool { rest.isEmpty }
    var next: UInt8? { rest.first }

    mutating func take(_ character: Character) -> Bool {
        guard let first = rest.first, first == character.asciiValue else { return false }
        rest.removeFirst()
        return true
    }

    /// All bytes for which `accepts` holds.
    mutating func take(while accepts: (UInt8) -> Bool) -> String {
        let taken = rest.prefix(while: accepts)
        rest = rest[taken.endIndex...]
        return String(Substring(taken))
    }

    /// A number of exactly so many digits (nil: 1 to 9 of them) in a range.
    mutating func number(digits: Int? = nil, in range: ClosedRange<Int64>) -> Int64? {
        let taken = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }.prefix(digits ?? 9)
        guard !taken.isEmpty, digits == nil || taken.count == digits else { return nil }
        let value = taken.reduce(Int64(0)) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
        guard range.contains(value) else { return nil }
        rest = rest[taken.endIndex...]
        return value
    }

    fileprivate mutating func date() -> CivilDate? {
        guard let year = number(digits: 4, in: 1...9_999), take("-"), let month = number(digits: 2, in: 1...12),
            take("-"), let day = number(digits: 2, in: 1...31), day <= CivilDate.length(ofMonth: month, in: year)
        else { return nil }
        return CivilDate(year: year, month: month, day: day)
    }
}
