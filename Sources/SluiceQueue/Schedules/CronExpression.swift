/// Five fields, `minute hour day-of-month month day-of-week`, as cron(8) reads them.
///
/// Lists, ranges, steps and names; `L` for the last day of a month; `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.
/// When neither day field begins with `*`, a day matches that matches *either* of them; else it must match both.
package struct CronExpression: Hashable, Sendable {
    /// As it was written, with single blanks.
    package let text: String
    private let minutes: CronField.Values
    private let hours: CronField.Values
    private let daysOfMonth: CronField.Values
    private let months: CronField.Values
    private let daysOfWeek: CronField.Values

    private static let shorthands = [
        "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
    ]
    /// After this many seconds the calendar repeats, weekdays included: what has not matched by then never does.
    private static let calendarCycle: Int64 = 146_097 * 86_400

    /// Throws for what cannot be read, naming the field, and for days there never are, such as 30 February.
    package init(_ text: String) throws(ScheduleSyntaxError) {
        let words = text.split { $0 == " " || $0 == "\t" }
        self.text = words.joined(separator: " ")
        var fields = words.map(String.init)
        if fields.count == 1, fields[0].first == "@" {
            guard let expanded = Self.shorthands[fields[0].lowercased()] else {
                throw ScheduleSyntaxError(
                    "'\(fields[0])' is not @hourly, @daily, @weekly, @monthly, @yearly or @every LENGTH"
                )
            }
            fields = expanded.split(separator: " ").map(String.init)
        }
        guard fields.count == 5 else {
            throw ScheduleSyntaxError(
                "'\(self.text)' has \(fields.count) fields, not 5: minute, hour, day of month, month, day of week"
            )
        }
        minutes = try CronField.minute.parse(fields[0])
        hours = try CronField.hour.parse(fields[1])
        daysOfMonth = try CronField.dayOfMonth.parse(fields[2])
        months = try CronField.month.parse(fields[3])
        daysOfWeek = try CronField.dayOfWeek.parse(fields[4])
        guard next(notBefore: 0, before: Self.calendarCycle) != nil else {
            throw ScheduleSyntaxError("'\(self.text)' never matches: there is no such day in any year")
        }
    }

    /// True when the minute or the hour is open (`*`, `*/n`, or every value): then the schedule follows real time through a
    /// change of the clock. Else it means times of the day, each of which counts once.
    package var followsRealTime: Bool {
        minutes.beginsWithStar || hours.beginsWithStar || minutes.bits.nonzeroBitCount == 60
            || hours.bits.nonzeroBitCount == 24
    }

    package func matches(_ time: CivilTime) -> Bool {
        matches(time.date) && hours.contains(time.hour) && minutes.contains(time.minute)
    }

    private func matches(_ date: CivilDate) -> Bool {
        guard months.contains(date.month) else { return false }
        let matchesMonthDay =
            daysOfMonth.contains(date.day)
            || daysOfMonth.hasLastDay && date.day == CivilDate.length(ofMonth: date.month, in: date.year)
        let matchesWeekday = daysOfWeek.contains(date.weekday)
        return daysOfMonth.beginsWithStar || daysOfWeek.beginsWithStar
            ? matchesMonthDay && matchesWeekday : matchesMonthDay || matchesWeekday
    }

    /// The first matching minute on the wall's clock, in local seconds, not before `start` and before `end`.
    ///
    /// Nil when there is none, or none within the 400 years after which the calendar repeats.
    package func next(notBefore start: Int64, before end: Int64) -> Int64? {
        let first = floorDivide(start + 59, by: 60) * 60
        let end = min(end, first + Self.calendarCycle)
        var day = floorDivide(first, by: 86_400)
        // Only on the first day does the time of the day count.
        var minute = (first - day * 86_400) / 60
        while day * 86_400 < end {
            let date = CivilDate(days: day)
            if !months.contains(date.month) {
                day += CivilDate.length(ofMonth: date.month, in: date.year) - date.day + 1
            } else {
                if matches(date), let time = timeOfDay(from: minute) {
                    let local = day * 86_400 + time * 60
                    return local < end ? local : nil
                }
                day += 1
            }
            minute = 0
        }
        return nil
    }

    /// The first matching minute of a day, 0...1439, not before `minute`.
    private func timeOfDay(from minute: Int64) -> Int64? {
        let (hour, rest) = minute.quotientAndRemainder(dividingBy: 60)
        if hours.contains(hour), let found = minutes.first(from: rest) { return hour * 60 + found }
        guard let later = hours.first(from: hour + 1), let found = minutes.first(from: 0) else { return nil }
        return later * 60 + found
    }
}

/// A schedule's rule, zone or time that cannot be read. `description` says what is wrong where, for whoever wrote it.
package struct ScheduleSyntaxError: Error, Hashable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
