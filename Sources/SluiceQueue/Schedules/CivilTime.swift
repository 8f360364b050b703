/// A day of the Gregorian calendar, also before there was one.
package struct CivilDate: Hashable, Sendable {
    package let year: Int64
    /// 1...12.
    package let month: Int64
    /// 1...31.
    package let day: Int64

    package init(year: Int64, month: Int64, day: Int64) {
        self.year = year
        self.month = month
        self.day = day
    }

    /// - Parameter days: since 1970-01-01. Source: Howard Hinnant, chrono-compatible low-level date algorithms.
    package init(days: Int64) {
        let shifted = days + 719_468
        let era = floorDivide(shifted, by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// Days since 1970-01-01.
    package var days: Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = floorDivide(shiftedYear, by: 400)
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// 0 is Sunday, 6 is Saturday.
    package var weekday: Int64 { Self.weekday(ofDay: days) }

    package static func weekday(ofDay days: Int64) -> Int64 {
        let shifted = (days + 4) % 7
        return shifted < 0 ? shifted + 7 : shifted
    }

    package static func isLeap(_ year: Int64) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    /// Days of a month, 28...31.
    package static func length(ofMonth month: Int64, in year: Int64) -> Int64 {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

/// What a clock on the wall shows. Arithmetic on it is done in *local seconds*: seconds since 1970-01-01 00:00 on that clock,
/// as if it had never been put forward or back.
package struct CivilTime: Hashable, Sendable, CustomStringConvertible {
    package let date: CivilDate
    /// 0...23.
    package let hour: Int64
    package let minute: Int64
    package let second: Int64

    package init(localSeconds: Int64) {
        let days = floorDivide(localSeconds, by: 86_400)
        let rest = localSeconds - days * 86_400
        date = CivilDate(days: days)
        hour = rest / 3_600
        minute = rest / 60 % 60
        second = rest % 60
    }

    /// `2026-03-29T03:00:00`.
    package var description: String {
        let years = String(date.year.magnitude)
        let padded = (date.year < 0 ? "-" : "") + String(repeating: "0", count: max(0, 4 - years.count)) + years
        return padded + "-" + twoDigits(date.month) + "-" + twoDigits(date.day)
            + "T" + twoDigits(hour) + ":" + twoDigits(minute) + ":" + twoDigits(second)
    }
}

/// The quotient rounded down, also for negative numbers.
func floorDivide(_ value: Int64, by divisor: Int64) -> Int64 {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
}

func twoDigits(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
