import SluiceCore
import SluiceQueue
import SluiceTestKit
import Testing

@Suite("The fair selector")
struct FairSelectorTests {
    private func tenant(_ number: Int) -> TenantID { TenantID(trusted: "t" + String(100 + number)) }
    private let kind = TaskKind(trusted: "probe")

    private func backlog(_ number: Int, weight: Int, count: Int, from first: Int = 0, isWhole: Bool = true)
        -> TenantBacklog
    {
        let tasks = (first..<first + count).map {
            Candidate(
                id: TaskID(Int64(number) * 1_000_000 + Int64($0) + 1),
                tenant: tenant(number),
                kind: kind,
                priority: 5,
                runAt: Int64($0)
            )
        }
        return TenantBacklog(tenant: tenant(number), weight: weight, candidates: tasks, isWhole: isWhole)
    }

    private func select(_ selector: inout FairSelector, _ room: Int, _ backlogs: [TenantBacklog]) -> [Candidate] {
        var allowance = DispatchAllowance(.ingestion)
        return selector.select(room, from: backlogs, allowance: &allowance)
    }

    @Test("a tenant with a million leaves another its share of every window")
    func noisy() {
        var selector = FairSelector()
        let chosen = select(
            &selector,
            64,
            [backlog(1, weight: 1, count: 64, isWhole: false), backlog(2, weight: 1, count: 20)]
        )
        #expect(chosen.count == 64)
        // The quiet tenant's twenty are among the first forty-one: they wait for no more than each one's own turn.
        #expect(chosen.prefix(41).count { $0.tenant == tenant(2) } == 20)
    }

    @Test(
        "shares follow weights within one window, whatever the weights",
        arguments: [[1, 1], [3, 1], [1, 2, 5], [10, 1, 1, 4]]
    )
    func proportional(weights: [Int]) {
        var selector = FairSelector()
        let room = weights.reduce(0, +) * 7
        let backlogs = weights.enumerated().map { backlog($0, weight: $1, count: room, isWhole: false) }
        let chosen = select(&selector, room, backlogs)
        for (index, weight) in weights.enumerated() {
            let got = chosen.count { $0.tenant == tenant(index) }
            #expect(abs(got - weight * 7) <= 1, "tenant \(index) of weight \(weight) got \(got)")
        }
    }

    @Test(
        "over random windows every tenant with backlog gets its share within three tasks",
        arguments: 0..<40 as Range<UInt64>
    )
    func shares(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let weights = (0..<Int.random(in: 2...9, using: &generator)).map { _ in
            Int.random(in: 1...20, using: &generator)
        }
        let total = weights.reduce(0, +)
        var selector = FairSelector()
        var taken = [Int](repeating: 0, count: weights.count)
        for _ in 0..<60 {
            let room = Int.random(in: 1...50, using: &generator)
            let backlogs = weights.enumerated().map {
                backlog($0, weight: $1, count: room + 1, from: taken[$0], isWhole: false)
            }
            let chosen = select(&selector, room, backlogs)
            #expect(chosen.count == room)
            for index in weights.indices { taken[index] += chosen.count { $0.tenant == tenant(index) } }
            let sum = taken.reduce(0, +)
            for (index, weight) in weights.enumerated() {
                let fair = Double(sum * weight) / Double(total)
                #expect(
                    abs(Double(taken[index]) - fair) <= 3,
                    "tenant \(index): \(taken[index]) of \(sum), fair is \(fair)"
                )
            }
        }
    }

    /// The rule, written down another way: credits as fractions of the heaviest weight, one visit at a time.
    private struct Oracle {
        var credit: [TenantID: Double] = [:]
        var turn: TenantID?

        mutating func select(_ room: Int, _ backlogs: [TenantBacklog]) -> [TaskID] {
            var queues = Dictionary(uniqueKeysWithValues: backlogs.map { ($0.tenant, $0.candidates.map(\.id)) })
            let weight = Dictionary(uniqueKeysWithValues: backlogs.map { ($0.tenant, $0.weight) })
            var chosen: [TaskID] = []
            for (known, _) in credit where queues[known]?.isEmpty ?? true { credit[known] = nil }
            var round: [TenantID] = []
            var isFirst = true
            while chosen.count < room {
                if round.isEmpty {
                    let ring = queues.filter { !$0.value.isEmpty }.keys.sorted()
                    if ring.isEmpty { break }
                    round = ring
                    if isFirst, let turn, let index = ring.firstIndex(where: { $0 >= turn }) {
                        round = Array(ring[index...] + ring[..<index])
                    } else if !isFirst, let last = lastRound {
                        round = last.filter { ring.contains($0) }
                    }
                    isFirst = false
                    lastRound = round
                    heaviest = round.map { weight[$0] ?? 1 }.max() ?? 1
                }
                let tenant = round.removeFirst()
                credit[tenant, default: 0] += Double(weight[tenant] ?? 1) / Double(heaviest)
                guard credit[tenant, default: 0] >= 1 - 1e-9 else { continue }
                credit[tenant, default: 0] -= 1
                chosen.append(queues[tenant, default: []].removeFirst())
                if queues[tenant, default: []].isEmpty { credit[tenant] = nil }
                let rest = round.first ?? lastRound?.first
                turn = rest
            }
            if chosen.count == room, let next = round.first { turn = next }
            return chosen
        }

        private var lastRound: [TenantID]?
        private var heaviest = 1
    }

    @Test("does what the rule says, with tenants that come and go", arguments: 0..<60 as Range<UInt64>)
    func oracle(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var selector = FairSelector()
        var oracle = Oracle()
        // Powers of two: their quotients are exact in both ways of counting.
        let weights = (0..<6).map { _ in 1 << Int.random(in: 0...3, using: &generator) }
        var waiting = [[Candidate]](repeating: [], count: 6)
        var next = [Int](repeating: 0, count: 6)
        for _ in 0..<80 {
            for index in waiting.indices where Int.random(in: 0..<3, using: &generator) == 0 {
                let count = Int.random(in: 0...12, using: &generator)
                waiting[index] += backlog(index, weight: 1, count: count, from: next[index]).candidates
                next[index] += count
            }
            let backlogs = waiting.indices.filter { !waiting[$0].isEmpty }.map {
                TenantBacklog(tenant: tenant($0), weight: weights[$0], candidates: waiting[$0], isWhole: true)
            }
            let room = Int.random(in: 0...15, using: &generator)
            let chosen = select(&selector, room, backlogs.shuffled(using: &generator)).map(\.id)
            #expect(chosen == oracle.select(room, backlogs))
            #expect(chosen.count == min(room, waiting.reduce(0) { $0 + $1.count }), "no place is left empty")
            let gone = Set(chosen)
            for index in waiting.indices { waiting[index].removeAll { gone.contains($0.id) } }
            #expect(selector.remembered <= waiting.count { !$0.isEmpty }, "no credit without backlog")
        }
    }

    @Test("nobody starves: each visit comes, even for the lightest among the heaviest")
    func starves() {
        var selector = FairSelector()
        var served = 0
        for window in 0..<40 {
            let heavy = (0..<3).map { backlog($0, weight: 1_000, count: 64, from: window * 64, isWhole: false) }
            let light = backlog(9, weight: 1, count: 64, isWhole: false)
            served += select(&selector, 100, heavy + [light]).count { $0.tenant == tenant(9) }
        }
        #expect(served == 1, "a thousandth of the heaviest one's share, which is 1,333 in 40 windows")
    }

    @Test("what an allowance keeps back leaves its place to others, and its credit stands")
    func allowance() {
        var selector = FairSelector()
        var allowance = DispatchAllowance(.ingestion)
        allowance.limit(.tenant(tenant(1), in: nil), to: 3)
        allowance.limit(.tenant(tenant(2), in: .embedding), to: 0)
        let chosen = selector.select(
            20,
            from: [backlog(1, weight: 5, count: 20), backlog(2, weight: 1, count: 20)],
            allowance: &allowance
        )
        #expect(chosen.count == 20 && chosen.count { $0.tenant == tenant(1) } == 3)
        #expect(!allowance.admits(tenant(1), kind) && allowance.admits(tenant(2), kind))
        allowance.limit(.kind(kind), to: 2)
        #expect(selector.select(20, from: [backlog(2, weight: 1, count: 20)], allowance: &allowance).count == 2)
        allowance.limit(.queue(.ingestion), to: -1)
        #expect(!allowance.admits(tenant(7), TaskKind(trusted: "other")))
    }

    @Test("waiting improves a priority by one a step, so a low one is never overtaken for ever")
    func ages() {
        func task(_ id: Int64, _ priority: Int, _ seconds: Int64) -> Candidate {
            Candidate(id: TaskID(id), tenant: .default, kind: kind, priority: priority, runAt: seconds * 1_000_000)
        }
        let order = AgingOrder(step: .seconds(60))
        let old = task(1, 9, 0)
        #expect(
            order.sorted([task(2, 5, 200), old, task(3, 5, 300), task(4, 0, 0)]).map(\.id.rawValue) == [4, 2, 1, 3]
        )
        // The most urgent ones overtake it for nine steps and no longer.
        #expect(order.rank(task(5, 0, 539)) < order.rank(old) && order.rank(task(6, 0, 541)) > order.rank(old))
        #expect(order.sorted([task(9, 5, 1), task(8, 5, 1)]).map(\.id.rawValue) == [8, 9])
    }
}
