/// Lengths of time as operators type them: `90s`, `10m`, `1h30m`, `2d`, `500ms`.
package enum DurationText {
    package static let sentence = "a length of time is numbers with units of d, h, m, s or ms: 90s, 10m, 1h30m, 2d"

    /// Nil for anything else, for lengths below zero and beyond a century. Units go from large to small, each once.
    package static func parse(_ text: some StringProtocol) -> Duration? {
        var rest = Substring(text)[...]
        var milliseconds: Int64 = 0
        var lastUnit = Int64.max
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest[digits.endIndex...]
            let name = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest[name.endIndex...]
            guard digits.count <= 12, let count = Int64(digits), let unit = unit(name), unit < lastUnit else {
                return nil
            }
            let (length, overflow) = count.multipliedReportingOverflow(by: unit)
            guard !overflow, length <= century - milliseconds else { return nil }
            milliseconds += length
            lastUnit = unit
        }
        return .milliseconds(milliseconds)
    }

    private static let century: Int64 = 36_525 * 86_400_000

    private static func unit(_ name: some StringProtocol) -> Int64? {
        switch name {
        case "d": 86_400_000
        case "h": 3_600_000
        case "m": 60_000
        case "s": 1_000
        case "ms": 1
        default: nil
        }
    }
}

/// A moment as operators type it: a length of time before now, or a time in UTC.
package enum PastMoment: Hashable, Sendable {
    case ago(Duration)
    /// Seconds since 1970-01-01 UTC.
    case at(Int64)

    package static let sentence =
        "a moment is a length of time ago (10m, 2h, 3d) or a time in UTC: 2026-11-21T10:30:00Z"

    /// Reads `10m`, `2026-11-21`, `2026-11-21T10:30Z` and `2026-11-21T10:30:05Z`; nil for anything else.
    package init?(text: some StringProtocol) {
        if let duration = DurationText.parse(text) {
            self = .ago(duration)
            return
        }
        let halves = text.split(separator: "T", maxSplits: 1, omittingEmptySubsequences: false)
        guard let date = Self.numbers(halves[0], separator: "-", lengths: [4, 2, 2]),
            (1...12).contains(date[1]), (1...Self.days(in: date[1], of: date[0])).contains(date[2])
        else { return nil }
        var seconds = Self.day(date[0], date[1], date[2]) * 86_400
        if halves.count == 2 {
            guard halves[1].hasSuffix("Z") else { return nil }
            let clock = halves[1].dropLast()
            guard
                let time = Self.numbers(clock, separator: ":", lengths: [2, 2, 2])
                    ?? Self.numbers(clock, separator: ":", lengths: [2, 2]).map({ $0 + [0] }),
                time[0] < 24, time[1] < 60, time[2] < 60
            else { return nil }
            seconds += time[0] * 3_600 + time[1] * 60 + time[2]
        }
        self = .at(Int64(seconds))
    }

    private static func numbers(_ text: some StringProtocol, separator: Character, lengths: [Int]) -> [Int]? {
        let parts = text.split(separator: separator, omittingEmptySubsequences: false)
        guard parts.map(\.utf8.count) == lengths, parts.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) } })
        else { return nil }
        let values = parts.compactMap { Int($0) }
        return values.count == lengths.count ? values : nil
    }

    private static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days since 1970-01-01. Source: Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil.
    private static func day(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
