/// Points in time as RFC 3339 writes them: `2026-03-01`, `2026-03-01T12:30:00.25+01:00`.
enum PointInTime {
    /// Seconds since 1970-01-01 UTC; a day alone is its first moment in UTC. Nil for anything else, years before 1 and days that no
    /// calendar has included.
    static func seconds(_ text: String) -> Double? {
        var rest = Array(text.utf8)[...]
        guard let year = number(4, &rest), year > 0, take("-", &rest), let month = number(2, &rest), take("-", &rest),
            let day = number(2, &rest), (1...12).contains(month), (1...length(month, year)).contains(day)
        else { return nil }
        let midnight = Double(days(year, month, day)) * 86_400
        if rest.isEmpty { return midnight }
        guard take("T", &rest) || take("t", &rest) || take(" ", &rest), let hour = number(2, &rest), hour < 24,
            take(":", &rest), let minute = number(2, &rest), minute < 60
        else { return nil }
        var seconds = 0.0
        if take(":", &rest) {
            guard let whole = number(2, &rest), whole < 60 else { return nil }
            seconds = Double(whole)
            if take(".", &rest) {
                let digits = rest.prefix { (48...57).contains($0) }
                guard (1...9).contains(digits.count), let part = Double("0." + String(decoding: digits, as: UTF8.self))
                else { return nil }
                rest = rest.dropFirst(digits.count)
                seconds += part
            }
        }
        guard let offset = offset(&rest), rest.isEmpty else { return nil }
        return midnight + Double(hour * 3_600 + minute * 60 - offset) + seconds
    }

    /// East of Greenwich, in seconds.
    private static func offset(_ rest: inout ArraySlice<UInt8>) -> Int? {
        if take("Z", &rest) || take("z", &rest) { return 0 }
        let sign = take("+", &rest) ? 1 : take("-", &rest) ? -1 : 0
        guard sign != 0, let hours = number(2, &rest), take(":", &rest), let minutes = number(2, &rest), hours < 24,
            minutes < 60
        else { return nil }
        return sign * (hours * 3_600 + minutes * 60)
    }

    private static func number(_ digits: Int, _ rest: inout ArraySlice<UInt8>) -> Int? {
        let head = rest.prefix(digits)
        guard head.count == digits, head.allSatisfy({ (48...57).contains($0) }) else { return nil }
        rest = rest.dropFirst(digits)
        return head.reduce(0) { $0 * 10 + Int($1 - 48) }
    }

    private static func take(_ character: Unicode.Scalar, _ rest: inout ArraySlice<UInt8>) -> Bool {
        guard let first = rest.first, UInt32(first) == character.value else { return false }
        rest = rest.dropFirst()
        return true
    }

    private static func length(_ month: Int, _ year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days from 1970-01-01, of the proleptic Gregorian calendar: years begin in March, so that leap days end them.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let ofYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return year * 365 + year / 4 - year / 100 + year / 400 + ofYear - 719_468
    }
}
