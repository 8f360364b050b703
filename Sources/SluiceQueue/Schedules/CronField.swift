/// One of the five fields of a cron expression: which values it may have, and how they are written.
enum CronField: String, CaseIterable {
    case minute
    case hour
    case dayOfMonth = "day of month"
    case month
    case dayOfWeek = "day of week"

    var range: ClosedRange<Int64> {
        switch self {
        case .minute: 0...59
        case .hour: 0...23
        case .dayOfMonth: 1...31
        case .month: 1...12
        // Both 0 and 7 are Sunday.
        case .dayOfWeek: 0...7
        }
    }

    /// Names for values, from the range's lower end.
    var names: [String] {
        switch self {
        case .month: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
        case .dayOfWeek: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
        default: []
        }
    }

    private var hint: String {
        let numbers = "\(range.lowerBound) to \(range.upperBound)"
        guard let first = names.first, let last = names.last else {
            return self == .dayOfMonth ? numbers + " or L (the last day)" : numbers
        }
        return "\(numbers) or \(first) to \(last)"
    }

    /// What one field says: a set of values, one bit each.
    struct Values: Hashable, Sendable {
        var bits: UInt64 = 0
        /// Whether it begins with `*`, which decides between "and" and "or" for the two day fields.
        var beginsWithStar = false
        /// Whether `L` is among them.
        var hasLastDay = false

        func contains(_ value: Int64) -> Bool { bits & (1 << UInt64(value)) != 0 }

        /// The smallest value not below `value`, nil when there is none.
        func first(from value: Int64) -> Int64? {
            guard value < 64 else { return nil }
            let masked = bits & (~0 << UInt64(value))
            return masked == 0 ? nil : Int64(masked.trailingZeroBitCount)
        }
    }

    /// Reads a list of `*`, values, names and ranges, each range with a step if wanted.
    func parse(_ text: String) throws(ScheduleSyntaxError) -> Values {
        var values = Values(beginsWithStar: text.first == "*")
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            if self == .dayOfMonth, item == "L" || item == "l" {
                values.hasLastDay = true
            } else {
                values.bits |= try bits(String(item), in: text)
            }
        }
        if self == .dayOfWeek, values.contains(7) { values.bits = values.bits & 0x7f | 1 }
        return values
    }

    private func bits(_ item: String, in text: String) throws(ScheduleSyntaxError) -> UInt64 {
        let halves = item.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let ends = halves[0].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        var lower = range.lowerBound
        var upper = self == .dayOfWeek ? 6 : range.upperBound
        if halves[0] != "*" {
            lower = try value(String(ends[0]), in: text)
            upper = ends.count == 2 ? try value(String(ends[1]), in: text) : lower
            // FRI-SUN: Sunday ends a week as well as it begins one.
            if self == .dayOfWeek, upper == 0, lower > 0 { upper = 7 }
        }
        guard lower <= upper else { throw error(text, "the range '\(halves[0])' runs backwards") }
        var step: Int64 = 1
        if halves.count == 2 {
            guard halves[0] == "*" || ends.count == 2 else {
                throw error(
                    text,
                    "a step needs '*' or a range before it, as in '\(lower)-\(range.upperBound)/\(halves[1])'"
                )
            }
            var scanner = TextScanner(String(halves[1]))
            guard let number = scanner.number(in: 1...(range.upperBound - range.lowerBound + 1)), scanner.isAtEnd else {
                throw error(text, "the step '\(halves[1])' is not 1 to \(range.upperBound - range.lowerBound + 1)")
            }
            step = number
        }
        return stride(from: lower, through: upper, by: Int(step)).reduce(0) { $0 | 1 << UInt64($1) }
    }

    private func value(_ word: String, in text: String) throws(ScheduleSyntaxError) -> Int64 {
        if let index = names.firstIndex(of: word.uppercased()) { return range.lowerBound + Int64(index) }
        var scanner = TextScanner(word)
        guard let number = scanner.number(in: range), scanner.isAtEnd else {
            throw error(text, word.isEmpty ? "a value is missing" : "'\(word)' is not \(hint)")
        }
        return number
    }

    private func error(_ text: String, _ what: String) -> ScheduleSyntaxError {
        ScheduleSyntaxError("the field '\(rawValue)' is '\(text)': \(what)")
    }
}
