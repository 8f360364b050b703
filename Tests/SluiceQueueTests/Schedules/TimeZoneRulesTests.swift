import SluiceQueue
import SluiceSystem
import SluiceTestKit
import Testing

@Suite("Time zones")
struct TimeZoneRulesTests {
    @Test("civil dates and days turn into one another, leap years and all")
    func calendar() {
        #expect(CivilDate(year: 1970, month: 1, day: 1).days == 0)
        #expect(CivilDate(year: 2000, month: 2, day: 29).days == 11_016)
        var days = CivilDate(year: -1, month: 1, day: 1).days
        for year: Int64 in -1...401 {
            for month: Int64 in 1...12 {
                for day in 1...CivilDate.length(ofMonth: month, in: year) {
                    let date = CivilDate(year: year, month: month, day: day)
                    guard date.days == days, CivilDate(days: days) == date else {
                        Issue.record("\(date) is not day \(days)")
                        return
                    }
                    days += 1
                }
            }
        }
        #expect(CivilDate(year: 2026, month: 11, day: 21).weekday == 6)
        #expect(CivilDate(year: 1969, month: 12, day: 31).weekday == 3)
        #expect(CivilTime(localSeconds: -1).description == "1969-12-31T23:59:59")
    }

    @Test(
        "the rule for the far future",
        arguments: [
            ("CET-1CEST,M3.5.0,M10.5.0/3", "2099-03-29T01:00:00Z", 7_200),
            ("EST5EDT,M3.2.0,M11.1.0", "2099-03-08T07:00:00Z", -14_400),
            ("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2099-10-03T15:30:00Z", 39_600),
            ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2099-03-29T01:00:00Z", -3_600),
            ("IST-2IDT,M3.4.4/26,M10.5.0", "2099-03-27T00:00:00Z", 10_800),
            ("AAA3BBB,J60/2,J300/2", "2096-03-01T05:00:00Z", -7_200),
            ("AAA3BBB,59/2,300/2", "2096-02-29T05:00:00Z", -7_200),
        ]
    )
    func posix(text: String, change: String, offset: Int) throws {
        let footer = try #require(PosixTimeZone(text))
        let zone = TimeZoneRules(name: "x", initialOffset: 0, changes: [], footer: footer)
        let change = try #require(UnixTime(text: change, in: .utc))
        #expect(zone.offset(at: change) == offset)
        #expect(zone.offset(at: change - 1) != offset)
        #expect(zone.span(at: change).start == change && zone.span(at: change - 1).end == change)
    }

    @Test("daylight time all year is no change at all")
    func allYear() throws {
        let footer = try #require(PosixTimeZone("XXX3EDT4,0/0,J365/23"))
        let zone = TimeZoneRules(name: "x", initialOffset: 0, changes: [], footer: footer)
        for time in stride(from: Int64(1_767_000_000), to: 1_800_000_000, by: 86_400) {
            #expect(zone.offset(at: UnixTime(time)) == -14_400)
        }
    }

    @Test(
        "rules that cannot be read are nil",
        arguments: [
            "", "C", "CET", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0",
            "CET-1CEST,J0,J5", "CET-1CEST,M3.5.0,M10.5.0x", "<CET-1", "CET-25", "CET-1CEST,M3.5.0/168,M10.5.0",
        ]
    )
    func unreadable(text: String) { #expect(PosixTimeZone(text) == nil) }

    /// A file as RFC 9636 lays it out: an old block of nothing, then times of eight bytes and the rule.
    private func file(
        version: Character = "2",
        changes: [(at: Int64, type: UInt8)] = [(0, 1), (100, 0)],
        offsets: [Int32] = [3_600, 7_200],
        leaps: Int = 0,
        footer: String = "\nCET-1CEST,M3.5.0,M10.5.0/3\n"
    ) -> [UInt8] {
        func bytes(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }
        func header(_ counts: [Int32]) -> [UInt8] {
            Array("TZif".utf8) + [version.asciiValue ?? 0] + [UInt8](repeating: 0, count: 15) + counts.flatMap(bytes)
        }
        var file = header([0, 0, 0, 0, 1, 4]) + [UInt8](repeating: 0, count: 10)
        file += header([1, 1, Int32(leaps), Int32(changes.count), Int32(offsets.count), 4])
        file += changes.flatMap { bytes($0.at) } + changes.map(\.type)
        for offset in offsets { file += bytes(offset) + [0, 0] }
        file += Array("CET\0".utf8) + [UInt8](repeating: 0, count: leaps * 12) + [0, 0]
        return file + Array(footer.utf8)
    }

    @Test("a TZif file made by hand")
    func tzif() throws {
        let zone = try TimeZoneRules(name: "x", tzif: file())
        #expect(zone.offset(at: UnixTime(-1)) == 3_600)
        #expect(zone.offset(at: UnixTime(0)) == 7_200)
        #expect(zone.offset(at: UnixTime(99)) == 7_200)
        #expect(zone.offset(at: UnixTime(100)) == 3_600)
        #expect(zone.offset(at: try #require(UnixTime(text: "2426-07-01", in: .utc))) == 7_200)
        let still = try TimeZoneRules(name: "x", tzif: file(footer: "\n\n"))
        #expect(still.span(at: UnixTime(1 << 40)).end == nil)
    }

    @Test("files that are broken are refused, wherever they are cut off, and never trap")
    func broken() {
        let whole = file()
        for length in whole.indices {
            #expect(throws: ScheduleSyntaxError.self) { try TimeZoneRules(name: "x", tzif: Array(whole[..<length])) }
        }
        for bad in [
            file(version: "\0"), file(leaps: 1), file(changes: [(5, 0), (5, 1)]), file(changes: [(5, 9)]),
            file(offsets: [200_000]), file(footer: "\nnonsense\n"), file(footer: "no line break"),
        ] {
            #expect(throws: ScheduleSyntaxError.self) { try TimeZoneRules(name: "x", tzif: bad) }
        }
        var random = SeededGenerator(seed: 5)
        for _ in 0..<2_000 {
            var mutated = whole
            for _ in 0..<3 {
                mutated[Int.random(in: mutated.indices, using: &random)] = .random(in: 0...255, using: &random)
            }
            if let zone = try? TimeZoneRules(name: "x", tzif: mutated) { _ = zone.offset(at: UnixTime(1_800_000_000)) }
        }
    }

    @Test("the machine's files agree with the rules written by hand", .enabled(if: ZoneFixtures.system.count > 5))
    func sameAsByHand() throws {
        var random = SeededGenerator(seed: 9)
        for fixture in ZoneFixtures.all where fixture != .utc && fixture != ZoneFixtures.casablanca {
            let bytes = try #require(ZoneInfo.file(named: fixture.name))
            let zone = try TimeZoneRules(name: fixture.name, tzif: bytes)
            let from: Int64 = fixture == ZoneFixtures.apia ? 1_320_000_000 : 1_767_225_600
            let length: Int64 = fixture == ZoneFixtures.apia ? 9_000_000 : 3_000_000_000
            for _ in 0..<2_000 {
                let time = UnixTime(from + Int64.random(in: 0..<length, using: &random))
                #expect(zone.offset(at: time) == fixture.offset(at: time), "\(fixture.name) at \(time)")
            }
        }
    }

    @Test(
        "every zone of this machine can be read, and its spans join without gaps",
        .enabled(if: !ZoneFixtures.system.isEmpty)
    )
    func spans() throws {
        for zone in ZoneFixtures.system {
            var span = zone.span(at: UnixTime(-4_000_000_000))
            var count = 0
            while let end = span.end, end.seconds < 6_000_000_000 {
                let next = zone.span(at: end)
                #expect(next.start == end && zone.offset(at: end - 1) == span.offset, "\(zone.name) at \(end)")
                span = next
                count += 1
            }
            #expect(count < 800)
        }
    }

    @Test("names cannot lead out of the folder, and unknown ones are refused")
    func names() throws {
        for name in ["../etc/passwd", "/etc/passwd", "", "Europe//Berlin", "Europe/", "Europe/Bérlin", "a b"] {
            #expect(!ZoneInfo.isPlausible(name) && ZoneInfo.file(named: name) == nil, "\(name)")
        }
        let zones = TimeZones { _ in nil }
        #expect(try zones.rules(named: "UTC") == .utc)
        #expect(throws: ScheduleSyntaxError.self) { try zones.rules(named: "Mars/Olympus") }
    }
}
