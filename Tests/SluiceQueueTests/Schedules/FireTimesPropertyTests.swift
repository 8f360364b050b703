import SluiceQueue
import SluiceTestKit
import Testing

/// Rules against an oracle that walks the minutes one by one and knows nothing of calendars' arithmetic or of gaps: it only
/// looks at what a clock on the wall would show.
@Suite("Fires against a walk through every minute", .timeLimit(.minutes(5)))
struct FireTimesPropertyTests {
    /// One field, made with what it means.
    struct Field {
        let text: String
        let values: Set<Int64>
        var isStar: Bool { text.first == "*" }

        init(_ range: ClosedRange<Int64>, isDense: Bool, _ random: inout SeededGenerator) {
            func value() -> Int64 { Int64.random(in: range, using: &random) }
            switch Int.random(in: 0..<(isDense ? 6 : 3), using: &random) {
            case 0:
                let one = value()
                (text, values) = ("\(one)", [one])
            case 1:
                let some = (0..<Int.random(in: 1...4, using: &random)).map { _ in value() }
                (text, values) = (some.map { "\($0)" }.joined(separator: ","), Set(some))
            case 2:
                let (one, other) = (value(), value())
                let (lower, upper) = (min(one, other), max(one, other))
                let step = Int64.random(in: 1...4, using: &random)
                text = step == 1 ? "\(lower)-\(upper)" : "\(lower)-\(upper)/\(step)"
                values = Set(stride(from: lower, through: upper, by: Int(step)))
            case 3:
                let step = Int64.random(in: 1...max(1, (range.upperBound - range.lowerBound) / 2), using: &random)
                (text, values) = (
                    "*/\(step)", Set(stride(from: range.lowerBound, through: range.upperBound, by: Int(step)))
                )
            default: (text, values) = ("*", Set(range))
            }
        }
    }

    struct Rule {
        let fields: [Field]
        var text: String { fields.map(\.text).joined(separator: " ") }
        var followsRealTime: Bool {
            fields[0].isStar || fields[1].isStar || fields[0].values.count == 60 || fields[1].values.count == 24
        }

        init(_ random: inout SeededGenerator) {
            // Mostly around the hours at which clocks change, and on most days.
            let hours: ClosedRange<Int64> = Bool.random(using: &random) ? 0...4 : 0...23
            let days = Int.random(in: 0..<3, using: &random)
            fields = [
                Field(0...59, isDense: Bool.random(using: &random), &random),
                Field(hours, isDense: hours.upperBound == 23 && Bool.random(using: &random), &random),
                days == 0 ? Field(1...31, isDense: true, &random) : Self.star(1...31),
                days == 1 ? Field(1...12, isDense: true, &random) : Self.star(1...12),
                days == 2 ? Field(0...6, isDense: true, &random) : Self.star(0...6),
            ]
        }

        private static func star(_ range: ClosedRange<Int64>) -> Field { Field(star: range) }

        func matches(_ time: CivilTime) -> Bool {
            let month = fields[2].values.contains(time.date.day)
            let week = fields[4].values.contains(time.date.weekday)
            return fields[0].values.contains(time.minute) && fields[1].values.contains(time.hour)
                && fields[3].values.contains(time.date.month)
                && (fields[2].isStar || fields[4].isStar ? month && week : month || week)
        }
    }

    /// Fires from `start` on for so many minutes, as someone with a clock on the wall would call them out.
    private func called(_ rule: Rule, _ zone: TimeZoneRules, from start: UnixTime, minutes: Int) -> [UnixTime] {
        func wall(_ time: UnixTime) -> Int64 { time.seconds + Int64(zone.offset(at: time)) }
        var fires: [UnixTime] = []
        // What the clock has shown already; enough of the past to know whether the first minutes are repeated ones.
        var latest = (1...180).map { wall(start - Int64($0) * 60) }.max() ?? 0
        for number in 0..<minutes {
            let time = start + Int64(number) * 60
            let shown = wall(time)
            var isFire: Bool
            if rule.followsRealTime {
                isFire = rule.matches(CivilTime(localSeconds: shown))
            } else {
                // New minutes since the last: one mostly, none when the clock was put back, many when forward.
                isFire = false
                var minute = latest + 60
                while minute <= shown, !isFire {
                    isFire = rule.matches(CivilTime(localSeconds: minute))
                    minute += 60
                }
            }
            if isFire { fires.append(time) }
            latest = max(latest, shown)
        }
        return fires
    }

    private func check(_ zone: TimeZoneRules, around change: UnixTime, _ random: inout SeededGenerator) throws {
        let start = UnixTime((change.seconds / 60) * 60 - Int64.random(in: 60...2_200, using: &random) * 60)
        let minutes = 4_500
        for _ in 0..<5 {
            let rule = Rule(&random)
            guard let parsed = try? FireRule(rule.text) else { continue }  // 30 February and the like
            let times = FireTimes(parsed, in: zone)
            let expected = called(rule, zone, from: start, minutes: minutes)
            let found = times.fires(from: start, to: start + Int64(minutes - 1) * 60, limit: .max)
            #expect(found == expected, "\(rule.text) in \(zone.name) from \(start)")
            if let last = expected.last {
                #expect(times.lastFires(1, from: start, to: start + Int64(minutes - 1) * 60) == [last])
            }
        }
    }

    /// Every change of the clocks within some years, and some moments between.
    private func moments(_ zone: TimeZoneRules, from: Int64, _ random: inout SeededGenerator) -> [UnixTime] {
        var moments = (0..<2).map { _ in UnixTime(from + Int64.random(in: 0..<1_000_000, using: &random) * 60) }
        var span = zone.span(at: UnixTime(from))
        while let end = span.end, end.seconds < from + 2 * 366 * 86_400 {
            moments.append(end)
            span = zone.span(at: end)
        }
        return moments
    }

    @Test("zones written by hand", arguments: ZoneFixtures.all.indices, [1, 2, 3] as [UInt64])
    func byHand(index: Int, seed: UInt64) throws {
        let zone = ZoneFixtures.all[index]
        var random = SeededGenerator(seed: seed)
        let from = zone == ZoneFixtures.apia ? 1_300_000_000 : 1_767_225_600 as Int64
        for moment in moments(zone, from: from, &random) { try check(zone, around: moment, &random) }
    }

    @Test("zones of this machine, in the past, now and in the far future", arguments: ZoneFixtures.system.indices)
    func ofTheMachine(index: Int) throws {
        let zone = ZoneFixtures.system[index]
        var random = SeededGenerator(seed: UInt64(index) + 77)
        for from: Int64 in [946_684_800, 1_293_840_000, 1_767_225_600, 2_840_140_800] {
            for moment in moments(zone, from: from, &random) { try check(zone, around: moment, &random) }
        }
    }
}

extension FireTimesPropertyTests.Field {
    fileprivate init(star range: ClosedRange<Int64>) {
        text = "*"
        values = Set(range)
    }
}
