import SluiceQueue
import Testing

@Suite("Schedules through changes of the clock")
struct DaylightTests {
    private func fires(_ text: String, _ zone: TimeZoneRules, _ from: String, _ to: String) throws -> [String] {
        let from = try #require(UnixTime(text: from, in: zone))
        let to = try #require(UnixTime(text: to, in: zone))
        return FireTimes(try FireRule(text), in: zone).fires(from: from, to: to, limit: 100).map { $0.text(in: zone) }
    }

    @Test("a time that the clock jumps over fires once, at the first moment after the gap")
    func gap() throws {
        let berlin = ZoneFixtures.berlin
        #expect(
            try fires("30 2 * * *", berlin, "2026-03-28", "2026-03-30T12:00") == [
                "2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00",
            ]
        )
        #expect(try fires("0,30,59 2 * * *", berlin, "2026-03-29", "2026-03-30") == ["2026-03-29T03:00:00+02:00"])
        #expect(
            try fires("30 2,3 * * *", berlin, "2026-03-29", "2026-03-30") == [
                "2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00",
            ]
        )
        #expect(try fires("0 2,3 * * *", berlin, "2026-03-29", "2026-03-30") == ["2026-03-29T03:00:00+02:00"])
    }

    @Test("a time that comes twice fires once, the first time")
    func overlap() throws {
        #expect(
            try fires("30 2 * * *", ZoneFixtures.berlin, "2026-10-25", "2026-10-26") == [
                "2026-10-25T02:30:00+02:00"
            ]
        )
        #expect(
            try fires("30 1 * * *", ZoneFixtures.newYork, "2026-11-01", "2026-11-02") == [
                "2026-11-01T01:30:00-04:00"
            ]
        )
        #expect(
            try fires("0 3 * * *", ZoneFixtures.berlin, "2026-10-25", "2026-10-26") == [
                "2026-10-25T03:00:00+01:00"
            ]
        )
    }

    @Test("an open minute or hour follows real time: no fire is left out, none comes late")
    func realTime() throws {
        let berlin = ZoneFixtures.berlin
        #expect(
            try fires("0 * * * *", berlin, "2026-03-29T01:00", "2026-03-29T04:00") == [
                "2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T04:00:00+02:00",
            ]
        )
        #expect(
            try fires("0 * * * *", berlin, "2026-10-25T01:00", "2026-10-25T03:00") == [
                "2026-10-25T01:00:00+02:00", "2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00",
                "2026-10-25T03:00:00+01:00",
            ]
        )
        #expect(try fires("0 * * * *", berlin, "2026-10-25", "2026-10-25T23:59").count == 25)
        #expect(try fires("0 0-23 * * *", berlin, "2026-03-29", "2026-03-29T23:59").count == 23)
    }

    @Test("half an hour of daylight time")
    func halfHour() throws {
        let zone = ZoneFixtures.lordHowe
        #expect(try fires("15 2 * * *", zone, "2026-10-04", "2026-10-05") == ["2026-10-04T02:30:00+11:00"])
        #expect(try fires("45 1 * * *", zone, "2026-04-05", "2026-04-06") == ["2026-04-05T01:45:00+11:00"])
    }

    @Test("a day that never was: its fire comes at the first moment after it")
    func missingDay() throws {
        #expect(
            try fires("0 12 * * *", ZoneFixtures.apia, "2011-12-29", "2011-12-31T23:00") == [
                "2011-12-29T12:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T12:00:00+14:00",
            ]
        )
    }

    @Test("local times that are read: in a gap, twice, with an offset, and not at all")
    func reading() throws {
        func read(_ text: String) -> String? { UnixTime(text: text, in: ZoneFixtures.berlin).map { "\($0)" } }
        #expect(read("2026-03-29") == "2026-03-28T23:00:00Z")
        #expect(read("2026-03-29T02:30") == "2026-03-29T01:00:00Z")
        #expect(read("2026-10-25 02:30:15") == "2026-10-25T00:30:15Z")
        #expect(read("2026-10-25T02:30:00+01:00") == "2026-10-25T01:30:00Z")
        #expect(read("2026-10-25T02:30Z") == "2026-10-25T02:30:00Z")
        #expect(read("2026-10-25t02:30-08:30") == "2026-10-25T11:00:00Z")
        for text in [
            "", "2026", "2026-02-29", "2026-13-01", "2026-1-1", "2026-01-01T", "2026-01-01T24:00",
            "2026-01-01T1:00", "2026-01-01T10:00+1", "2026-01-01T10:00Zx", "2026-01-01Z", "yesterday",
        ] {
            #expect(read(text) == nil, "\(text)")
        }
    }
}
