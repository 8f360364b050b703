import SluiceCore
import Testing

@Suite("Lengths of time and moments as operators type them")
struct DurationTextTests {
    @Test(arguments: [
        ("90s", 90_000), ("10m", 600_000), ("1h30m", 5_400_000), ("2d", 172_800_000), ("500ms", 500), ("0s", 0),
        ("1d2h3m4s5ms", 93_784_005),
    ])
    func lengths(text: String, milliseconds: Int) {
        #expect(DurationText.parse(text) == .milliseconds(milliseconds))
    }

    @Test(arguments: [
        "", "m", "10", "-5s", "5 m", "1.5h", "5m1h", "5m5m", "5w", "٣s", "99999999999999999999s", "40000d",
    ])
    func noLengths(text: String) { #expect(DurationText.parse(text) == nil) }

    @Test(arguments: [
        ("1970-01-01", Int64(0)), ("1970-01-01T00:01Z", 60), ("2000-02-29", 951_782_400),
        ("2026-11-21T10:30:05Z", 1_795_257_005), ("1969-12-31T23:59:59Z", -1), ("2100-03-01", 4_107_542_400),
    ])
    func moments(text: String, seconds: Int64) { #expect(PastMoment(text: text) == .at(seconds)) }

    @Test func ago() { #expect(PastMoment(text: "2h") == .ago(.seconds(7_200))) }

    @Test(arguments: [
        "2026-13-01", "2026-02-29", "2026-11-31", "2026-1-1", "yesterday", "2026-11-21T10:30", "2026-11-21T24:00Z",
        "2026-11-21T1:00Z", "2026-11-21 10:30Z", "2026-11-21T10:30:05+01:00", "T10:00Z", "2026-00-01",
    ])
    func noMoments(text: String) { #expect(PastMoment(text: text) == nil) }
}
