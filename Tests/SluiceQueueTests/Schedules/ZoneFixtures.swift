import SluiceCore
import SluiceQueue
import SluiceSystem

/// Time zones written by hand, so that the rules can be tested on machines without tzdata.
enum ZoneFixtures {
    static let berlin = zone("Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3")
    static let newYork = zone("America/New_York", "EST5EDT,M3.2.0,M11.1.0")
    /// Half an hour of daylight time, in the southern summer.
    static let lordHowe = zone("Australia/Lord_Howe", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0")
    static let kathmandu = zone("Asia/Kathmandu", "<+0545>-5:45")
    /// Changes at moments that no calendar rule gives: an hour back for Ramadan (2026 to 2028).
    static let casablanca = TimeZoneRules(
        name: "Africa/Casablanca",
        initialOffset: 3_600,
        changes: [
            (1_771_120_800, 0), (1_774_144_800, 3_600), (1_801_965_600, 0), (1_804_989_600, 3_600),
            (1_832_205_600, 0), (1_835_834_400, 3_600),
        ],
        footer: PosixTimeZone("<+01>-1")
    )
    /// A whole day that never was: 30 December 2011.
    static let apia = TimeZoneRules(
        name: "Pacific/Apia",
        initialOffset: -36_000,
        changes: [(1_325_239_200, 50_400)],
        footer: nil
    )
    /// Daylight time that is winter time, and changes below zero o'clock.
    static let dublin = zone("Europe/Dublin", "IST-1GMT0,M10.5.0,M3.5.0/1")
    static let nuuk = zone("America/Nuuk", "<-02>2<-01>,M3.5.0/-1,M10.5.0/0")

    static let all = [TimeZoneRules.utc, berlin, newYork, lordHowe, kathmandu, casablanca, apia, dublin, nuuk]

    /// The same zones, and some more, as this machine's files have them; empty without tzdata.
    static let system: [TimeZoneRules] = [
        "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca",
        "Pacific/Apia", "Europe/Dublin", "America/Nuuk", "America/St_Johns", "Asia/Tehran", "Africa/Cairo",
        "America/Santiago", "Antarctica/Troll",
    ].compactMap { name in ZoneInfo.file(named: name).flatMap { try? TimeZoneRules(name: name, tzif: $0) } }

    private static func zone(_ name: String, _ rule: String) -> TimeZoneRules {
        TimeZoneRules(name: name, initialOffset: 0, changes: [], footer: PosixTimeZone(rule))
    }
}
