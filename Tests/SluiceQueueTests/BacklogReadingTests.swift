import SluiceCore
import SluiceQueue
import SluiceTestKit
import Testing

@Suite("How much of a backlog is read")
struct BacklogReadingTests {
    private func stream(_ tenant: String, _ kind: String = "probe", _ priority: Int = 5, weight: Int = 1)
        -> BacklogStream
    {
        BacklogStream(
            tenant: TenantID(trusted: tenant),
            kind: TaskKind(trusted: kind),
            priority: priority,
            weight: weight
        )
    }

    @Test("a window is filled exactly, in order, reading a bounded number of rows", arguments: 0..<60 as Range<UInt64>)
    func fills(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var all: [Candidate] = []
        var streams: [BacklogStream] = []
        for number in 0..<Int.random(in: 1...30, using: &generator) {
            for priority in [0, 5, 9].prefix(Int.random(in: 1...3, using: &generator)) {
                let stream = stream("t\(100 + number)", "k\(number % 2)", priority)
                streams.append(stream)
                // Few have most, as in life.
                let count = number == 0 ? 5_000 : Int.random(in: 1...30, using: &generator)
                for _ in 0..<count {
                    all.append(
                        Candidate(
                            id: TaskID(Int64(all.count + 1)),
                            tenant: stream.tenant,
                            kind: stream.kind,
                            priority: priority,
                            runAt: Int64.random(in: 0...1_000_000_000, using: &generator)
                        )
                    )
                }
            }
        }
        let room = Int.random(in: 1...1_000, using: &generator)
        let outstanding = Set(
            all.shuffled(using: &generator).prefix(Int.random(in: 0...200, using: &generator)).map(\.id)
        )
        let counts = all.filter { outstanding.contains($0.id) }.reduce(into: [TenantID: [TaskKind: Int]]()) {
            $0[$1.tenant, default: [:]][$1.kind, default: 0] += 1
        }
        let order = AgingOrder()
        var reading = BacklogReading(streams, room: room, outstanding: counts)
        var chosen: [Candidate] = []
        var rowsRead = 0
        var looks = 0
        while !reading.isDone {
            looks += 1
            let heads = reading.requests.flatMap { request in
                all.filter {
                    $0.tenant == request.stream.tenant && $0.kind == request.stream.kind
                        && $0.priority == request.stream.priority
                }.sorted { ($0.runAt, $0.id) < ($1.runAt, $1.id) }.prefix(request.limit)
            }
            rowsRead += heads.count
            reading.received(heads)
            var selector = FairSelector()
            var allowance = DispatchAllowance(.ingestion)
            let backlogs = reading.backlogs(order) { outstanding.contains($0) }
            chosen = selector.select(room, from: backlogs, allowance: &allowance)
            for (tenant, tasks) in Dictionary(grouping: chosen, by: \.tenant) {
                let mine = order.sorted(all.filter { $0.tenant == tenant && !outstanding.contains($0.id) })
                #expect(tasks == Array(mine.prefix(tasks.count)), "the first ones, in order")
            }
            reading.widen(by: room - chosen.count)
        }
        #expect(chosen.count == min(room, all.count - outstanding.count))
        #expect(Set(chosen).count == chosen.count && chosen.allSatisfy { !outstanding.contains($0.id) })
        #expect(looks <= 8)
        #expect(rowsRead <= 8 * 3 * (room + outstanding.count + 2 * streams.count))
    }
}
