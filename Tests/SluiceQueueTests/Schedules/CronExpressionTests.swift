import SluiceQueue
import SluiceTestKit
import Testing

@Suite("Cron expressions")
struct CronExpressionTests {
    private func fires(_ text: String, from start: String, count: Int) throws -> [String] {
        let rule = try FireRule(text)
        let start = try #require(UnixTime(text: start, in: .utc))
        return FireTimes(rule, in: .utc).fires(from: start, to: start + 100 * 366 * 86_400, limit: count)
            .map { String("\($0)".dropLast(4)) }
    }

    @Test(
        "fire when cron(8) would",
        arguments: [
            ("*/20 * * * *", ["2026-01-01T00:00", "2026-01-01T00:20", "2026-01-01T00:40", "2026-01-01T01:00"]),
            ("5,50-52 3 * * *", ["2026-01-01T03:05", "2026-01-01T03:50", "2026-01-01T03:51", "2026-01-01T03:52"]),
            ("0 9-17/4 * * mon-FRI", ["2026-01-01T09:00", "2026-01-01T13:00", "2026-01-01T17:00", "2026-01-02T09:00"]),
            ("0 0 * * fri-sun", ["2026-01-02T00:00", "2026-01-03T00:00", "2026-01-04T00:00", "2026-01-09T00:00"]),
            ("0 0 * * 7", ["2026-01-04T00:00", "2026-01-11T00:00"]),
            ("0 0 * * 0-0", ["2026-01-04T00:00", "2026-01-11T00:00"]),
            ("0 0 13 * FRI", ["2026-01-02T00:00", "2026-01-09T00:00", "2026-01-13T00:00", "2026-01-16T00:00"]),
            ("0 0 */13 * FRI", ["2026-02-27T00:00", "2026-03-27T00:00", "2026-05-01T00:00"]),
            ("0 0 L * *", ["2026-01-31T00:00", "2026-02-28T00:00", "2026-03-31T00:00", "2026-04-30T00:00"]),
            ("0 0 15,l feb *", ["2026-02-15T00:00", "2026-02-28T00:00", "2027-02-15T00:00"]),
            ("0 0 29 2 *", ["2028-02-29T00:00", "2032-02-29T00:00"]),
            ("59 23 31 12 *", ["2026-12-31T23:59", "2027-12-31T23:59"]),
            ("@hourly", ["2026-01-01T00:00", "2026-01-01T01:00"]),
            ("@DAILY", ["2026-01-01T00:00", "2026-01-02T00:00"]),
            ("@weekly", ["2026-01-04T00:00", "2026-01-11T00:00"]),
            ("@monthly", ["2026-01-01T00:00", "2026-02-01T00:00"]),
            ("@yearly", ["2026-01-01T00:00", "2027-01-01T00:00"]),
            ("@every 1h30m", ["2026-01-01T00:00", "2026-01-01T01:30", "2026-01-01T03:00"]),
        ]
    )
    func examples(text: String, expected: [String]) throws {
        #expect(try fires(text, from: "2026-01-01", count: expected.count) == expected)
    }

    @Test("a rare day is found across decades: 29 February on a Sunday")
    func rare() throws {
        #expect(
            try fires("0 0 29 2 */7", from: "2026-01-01", count: 3) == [
                "2032-02-29T00:00", "2060-02-29T00:00", "2088-02-29T00:00",
            ]
        )
    }

    @Test(
        "what cannot be read is refused with the field's name",
        arguments: [
            ("60 * * * *", "'minute'", "'60' is not 0 to 59"), ("* 24 * * *", "'hour'", "'24' is not 0 to 23"),
            ("* * 0 * *", "'day of month'", "'0' is not 1 to 31 or L"), ("* * * 13 *", "'month'", "1 to 12 or JAN"),
            ("* * * * 8", "'day of week'", "'8' is not 0 to 7 or SUN to SAT"), ("a * * * *", "'minute'", "'a'"),
            ("1,,2 * * * *", "'minute'", "missing"), ("5-1 * * * *", "'minute'", "backwards"),
            ("5/10 * * * *", "'minute'", "step needs"), ("*/0 * * * *", "'minute'", "step '0'"),
            ("*/61 * * * *", "'minute'", "step '61'"), ("*/ * * * *", "'minute'", "step ''"),
            ("1-2-3 * * * *", "'minute'", "'2-3'"), ("- * * * *", "'minute'", "missing"),
            ("-1 * * * *", "'minute'", "missing"), ("**  * * * *", "'minute'", "'**'"),
            ("* L * * *", "'hour'", "'L'"), ("* * * * MONDAY", "'day of week'", "'MONDAY'"),
            ("* * * *", "4 fields", "not 5"), ("* * * * * *", "6 fields", "not 5"), ("", "0 fields", "not 5"),
            ("@reboot", "'@reboot'", "@every"), ("@every", "@every", "length"), ("@every 0s", "@every", "length"),
            ("@every 5", "@every", "length"), ("@every 367d", "@every", "length"), ("@every 1m1h", "@every", "length"),
            ("@every -5m", "@every", "length"), ("@every 1000000000s", "@every", "length"),
            ("0 0 30 2 *", "never matches", "no such day"), ("0 0 31 4,6,9,11 *", "never matches", "no such day"),
            ("* * * * 99999999999999999999", "'day of week'", "is not 0 to 7"),
        ]
    )
    func refused(text: String, mentions: String, also: String) {
        do {
            let rule = try FireRule(text)
            Issue.record("'\(text)' was read as \(rule)")
        } catch {
            #expect(error.description.contains(mentions) && error.description.contains(also), "\(error)")
        }
    }

    @Test("the text of a rule reads back as the same rule")
    func roundTrip() throws {
        for text in ["0  4\t* * *", "@every 90m", "@every 1d2h3m4s", "@daily", "*/5 1-3 L JAN-MAR 1,3"] {
            let rule = try FireRule(text)
            #expect(try FireRule(rule.text) == rule)
        }
        #expect(try FireRule("@every 90m").text == "@every 1h30m")
        #expect(try FireRule(" 0  4 * *\t* ").text == "0 4 * * *")
    }

    @Test("nonsense is refused or read, and never traps; what is read fires")
    func nonsense() {
        var random = SeededGenerator(seed: 3)
        let pieces = [
            "*", "*", "*", "*/", "/", "-", ",", "0", "1", "7", "31", "59", "60", "L", "MON", "SUN", "dec", "@", "é",
            "9999999999",
        ]
        var read = 0
        for _ in 0..<20_000 {
            let fields = (0..<([4, 5, 5, 5, 5, 5, 6].randomElement(using: &random) ?? 5)).map { _ in
                (0..<([1, 1, 1, 1, 2, 3].randomElement(using: &random) ?? 1)).map { _ in
                    pieces.randomElement(using: &random) ?? ""
                }
                .joined()
            }
            let text = fields.joined(separator: " ")
            guard let rule = try? FireRule(text) else { continue }
            read += 1
            #expect(FireTimes(rule, in: .utc).next(after: UnixTime(1_767_225_600)) != nil, "\(text)")
        }
        #expect(read > 0)
    }

    @Test("intervals count from 1970, also before it")
    func intervals() throws {
        let times = FireTimes(try FireRule("@every 7s"), in: .utc)
        #expect(times.next(after: UnixTime(0)) == UnixTime(7))
        #expect(times.next(after: UnixTime(-1)) == UnixTime(0))
        #expect(times.next(after: UnixTime(-8)) == UnixTime(-7))
        #expect(times.fires(from: UnixTime(7), to: UnixTime(21), limit: 9).map(\.seconds) == [7, 14, 21])
    }

    @Test("the last fires are the tail of all fires")
    func lastFires() throws {
        let start = UnixTime(1_767_225_600)
        for text in ["*/7 * * * *", "0 4 * * *", "0 0 1 * *", "@every 13m", "30 2 * * MON"] {
            let times = FireTimes(try FireRule(text), in: .utc)
            let all = times.fires(from: start, to: start + 90 * 86_400, limit: .max)
            for count in [0, 1, 2, 50] {
                #expect(times.lastFires(count, from: start, to: start + 90 * 86_400) == Array(all.suffix(count)))
            }
        }
    }
}
