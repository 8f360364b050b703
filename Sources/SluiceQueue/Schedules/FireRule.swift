/// When a schedule fires: at times of a calendar, or at a fixed interval.
package enum FireRule: Hashable, Sendable {
    case cron(CronExpression)
    /// Every so many seconds, counted from 1970-01-01 00:00 UTC: every process and every restart finds the same moments.
    case every(seconds: Int64)

    package static let longestInterval: Int64 = 366 * 86_400

    /// Reads a cron expression, a shorthand such as `@daily`, or `@every 1h30m` (units s, m, h and d; 1 s to 366 d).
    package init(_ text: String) throws(ScheduleSyntaxError) {
        let words = text.split { $0 == " " || $0 == "\t" }
        guard words.first?.lowercased() == "@every" else {
            self = .cron(try CronExpression(text))
            return
        }
        guard words.count == 2, let seconds = Self.length(String(words[1])) else {
            throw ScheduleSyntaxError(
                "'\(text)' is not '@every' and a length of 1s to 366d, such as 90s, 15m, 1h30m or 7d"
            )
        }
        self = .every(seconds: seconds)
    }

    /// What `init` reads.
    package var text: String {
        switch self {
        case .cron(let expression): expression.text
        case .every(let seconds): "@every " + Self.text(ofLength: seconds)
        }
    }

    /// Reads `1h30m`; nil for anything else and for what is not 1 s to 366 d.
    private static func length(_ text: String) -> Int64? {
        var scanner = TextScanner(text)
        var total: Int64 = 0
        // Units must fall, so that each length has one spelling that people expect.
        var smallest = Int64.max
        while !scanner.isAtEnd {
            guard let number = scanner.number(in: 0...longestInterval),
                let unit: Int64 = scanner.take("d")
                    ? 86_400 : scanner.take("h") ? 3_600 : scanner.take("m") ? 60 : scanner.take("s") ? 1 : nil,
                unit < smallest
            else { return nil }
            smallest = unit
            total += number * unit
        }
        return (1...longestInterval).contains(total) ? total : nil
    }

    private static func text(ofLength seconds: Int64) -> String {
        var rest = seconds
        var text = ""
        for (name, unit): (String, Int64) in [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)] where rest >= unit {
            text += "\(rest / unit)\(name)"
            rest %= unit
        }
        return text
    }
}
