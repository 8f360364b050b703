/// Limits as operators type them: `concurrency=10`, `rate=100/s`, `burst=200`, and `none` in place of a value to lift one.
package struct LimitChange: Hashable, Sendable {
    package enum Change<Value: Hashable & Sendable>: Hashable, Sendable {
        case keep, lift
        case set(Value)
    }

    package private(set) var maxRunning = Change<Int>.keep
    package private(set) var rate = Change<RateLimit>.keep

    package static let sentence =
        "limits are concurrency=N, rate=N/s (or /m, /h) and burst=N, or 'none' to lift one: "
        + "concurrency=10, rate=100/s burst=200, rate=none"

    package var isEmpty: Bool { maxRunning == .keep && rate == .keep }

    /// Nil for anything else, for one thing said twice, and for a burst without its rate.
    package init?(_ settings: [String]) {
        var burst: Int?
        var perSecond: Double?
        var names: Set<Substring> = []
        for setting in settings.flatMap({ $0.split(whereSeparator: { $0 == " " || $0 == "," }) }) {
            let parts = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, names.insert(parts[0]).inserted else { return nil }
            switch (parts[0], parts[1]) {
            case ("concurrency", "none"): maxRunning = .lift
            case ("rate", "none"): rate = .lift
            case ("concurrency", let text):
                guard let number = Int(text), (1...Int(Int32.max)).contains(number) else { return nil }
                maxRunning = .set(number)
            case ("rate", let text):
                guard let number = Self.perSecond(text) else { return nil }
                perSecond = number
            case ("burst", let text):
                guard let number = Int(text) else { return nil }
                burst = number
            default: return nil
            }
        }
        if let perSecond {
            guard let limit = RateLimit(perSecond: perSecond, burst: burst) else { return nil }
            rate = .set(limit)
        } else if burst != nil {
            return nil
        }
    }

    private static func perSecond(_ text: Substring) -> Double? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }),
            let number = Double(parts[0])
        else { return nil }
        switch parts[1] {
        case "s": return number
        case "m": return number / 60
        case "h": return number / 3_600
        default: return nil
        }
    }
}

extension RateLimit: CustomStringConvertible {
    /// `100/s burst 200`, by the minute or the hour where that reads better.
    package var description: String {
        let (number, unit) =
            perSecond >= 1 ? (perSecond, "s") : perSecond * 60 >= 1 ? (perSecond * 60, "m") : (perSecond * 3_600, "h")
        // Two digits after the point at most, and none where there are none.
        let hundredths = Int((number * 100).rounded())
        let fraction = hundredths % 100
        let digits =
            fraction == 0
            ? "" : fraction % 10 == 0 ? ".\(fraction / 10)" : fraction < 10 ? ".0\(fraction)" : ".\(fraction)"
        return "\(hundredths / 100)\(digits)/\(unit) burst \(burst)"
    }
}
