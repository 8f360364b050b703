import SluiceCore
import SluiceQueue
import Testing

@Suite("Limits as operators type them")
struct LimitTextTests {
    @Test("numbers, rates by unit, bursts, and lifting")
    func parses() throws {
        #expect(try #require(LimitChange(["concurrency=10"])).maxRunning == .set(10))
        let both = try #require(LimitChange(["concurrency=none", "rate=100/s burst=200"]))
        #expect(both.maxRunning == .lift)
        #expect(both.rate == RateLimit(perSecond: 100, burst: 200).map { .set($0) })
        #expect(try #require(LimitChange(["rate=30/m"])).rate == RateLimit(perSecond: 0.5).map { .set($0) })
        #expect(
            try #require(LimitChange(["burst=3,rate=7.2/h"])).rate
                == RateLimit(perSecond: 0.002, burst: 3).map { .set($0) }
        )
        #expect(try #require(LimitChange(["rate=none"])).rate == .lift)
        #expect(try #require(LimitChange([])).isEmpty)
    }

    @Test(
        "anything else is refused",
        arguments: [
            "concurrency=0", "concurrency=-1", "concurrency=x", "concurrency", "rate=5", "rate=0/s", "rate=-1/s",
            "rate=1/d",
            "rate=1e9/s", "rate=/s", "burst=5", "rate=5/s burst=0", "concurrency=1 concurrency=2", "speed=9", "=",
            "rate=none burst=2",
            "concurrency=99999999999",
        ]
    )
    func refuses(text: String) { #expect(LimitChange([text]) == nil) }

    @Test("rates are written as they are read best")
    func writes() {
        func text(_ perSecond: Double, _ burst: Int? = nil) -> String? {
            RateLimit(perSecond: perSecond, burst: burst)?.description
        }
        #expect(text(100, 200) == "100/s burst 200")
        #expect(text(0.5) == "30/m burst 1")
        #expect(text(1.25) == "1.25/s burst 2")
        #expect(text(2.5) == "2.5/s burst 3")
        #expect(text(0.002) == "7.2/h burst 1")
    }
}
