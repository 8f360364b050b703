import SluiceCore
import SluiceRedis
import Testing

@Suite("Who waits for which replies")
struct FlightTests {
    private let start = Instant.now

    private func add(
        _ flight: inout Flight<Int>,
        _ ticket: Int,
        bytes: [UInt8] = [1],
        replies: Int = 1,
        deadline: Int = 1_000,
        patience: Int = 500,
        at now: Int = 0
    ) {
        flight.add(
            bytes,
            replyCount: replies,
            deadline: start + .milliseconds(deadline),
            patience: .milliseconds(patience),
            ticket: ticket,
            now: start + .milliseconds(now)
        )
    }

    private func completed(_ taken: Flight<Int>.Taken) -> (Int, [RedisValue])? {
        if case .complete(let ticket, let replies) = taken { (ticket, replies) } else { nil }
    }

    @Test("replies go to their callers in order, whatever the interleaving", arguments: 0..<20)
    func random(seed: UInt64) throws {
        var random = Seeded(seed: seed)
        var flight = Flight<Int>()
        var sent: [UInt8] = []
        var expectedBytes: [UInt8] = []
        var expected: [(ticket: Int, replies: [RedisValue])] = []
        var answered: [(ticket: Int, replies: [RedisValue])] = []
        var owed: [RedisValue] = []
        var nextReply = 0
        for step in 0..<2_000 {
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                let count = Int.random(in: 1...5, using: &random)
                let size = Bool.random(using: &random) ? Int.random(in: 1...50, using: &random) : 70_000
                let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: step), count: size)
                let replies = (0..<count).map { RedisValue.integer(nextReply + $0) }
                nextReply += count
                add(&flight, step, bytes: bytes, replies: count)
                expectedBytes += bytes
                expected.append((step, replies))
                owed += replies
            case 1:
                if let bytes = flight.nextBytes {
                    let count = Int.random(in: 0...bytes.count, using: &random)
                    sent += bytes.prefix(count)
                    flight.didSend(count, now: start)
                }
            default:
                if !owed.isEmpty, let done = completed(flight.take(owed.removeFirst())) { answered.append(done) }
            }
        }
        while let bytes = flight.nextBytes {
            sent += bytes
            flight.didSend(bytes.count, now: start)
        }
        for reply in owed { if let done = completed(flight.take(reply)) { answered.append(done) } }
        #expect(sent == expectedBytes)
        #expect(!flight.hasUnsent && flight.isEmpty)
        #expect(answered.map(\.ticket) == expected.map(\.ticket))
        #expect(answered.map(\.replies) == expected.map(\.replies))
        guard case .unsolicited = flight.take(.null) else {
            Issue.record("a reply that nobody waits for was taken")
            return
        }
    }

    @Test("a caller whose time is up is told once and stays in line")
    func overdue() {
        var flight = Flight<Int>()
        add(&flight, 1, deadline: 100)
        add(&flight, 2, deadline: 300)
        #expect(flight.nextAlarm == start + .milliseconds(100))
        #expect(flight.takeOverdue(at: start + .milliseconds(99)).isEmpty)
        #expect(flight.takeOverdue(at: start + .milliseconds(100)) == [1])
        #expect(flight.takeOverdue(at: start + .milliseconds(100)).isEmpty)
        #expect(flight.nextAlarm == start + .milliseconds(300))
        #expect(completed(flight.take(.integer(1)))?.0 == 1)
        #expect(completed(flight.take(.integer(2)))?.1 == [.integer(2)])
        #expect(flight.nextAlarm == nil)
    }

    @Test("silence counts from the last byte and by the patience of the first in line")
    func silence() {
        var flight = Flight<Int>()
        #expect(!flight.isServerGone(at: start + .seconds(999)))
        add(&flight, 1, deadline: 9_000, patience: 500, at: 100)
        add(&flight, 2, deadline: 9_000, patience: 2_000, at: 400)
        #expect(!flight.isServerGone(at: start + .milliseconds(599)))
        #expect(flight.isServerGone(at: start + .milliseconds(600)))
        flight.didReceive(now: start + .milliseconds(550))
        #expect(!flight.isServerGone(at: start + .milliseconds(1_049)))
        #expect(flight.nextAlarm == start + .milliseconds(1_050))
        _ = flight.take(.null)
        #expect(!flight.isServerGone(at: start + .milliseconds(2_549)))
        #expect(flight.isServerGone(at: start + .milliseconds(2_550)))
    }

    @Test("a lost connection gives everyone in line, once")
    func losing() {
        var flight = Flight<Int>()
        for ticket in 0..<1_000 { add(&flight, ticket) }
        for ticket in 0..<300 { #expect(completed(flight.take(.null))?.0 == ticket) }
        #expect(flight.takeAll() == Array(300..<1_000))
        #expect(flight.isEmpty && !flight.hasUnsent && flight.takeAll().isEmpty)
    }
}

/// SplitMix64: the same numbers for the same seed, so that a failing case can be run again.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
