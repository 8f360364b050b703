import SluiceQueue
import SluiceTestKit
import Testing

@Suite("What to do about a schedule that is due")
struct FirePlanTests {
    private let now = UnixTime(1_767_225_600)

    private func plan(
        _ rule: String,
        due: Int64,
        _ catchUp: CatchUpPolicy,
        limit: Int = 100
    ) throws -> (fires: [Int64], missed: FirePlan.Missed?, next: Int64?) {
        let times = FireTimes(try FireRule(rule), in: .utc)
        let plan = FirePlan(times, due: now - due, now: now, catchUp: catchUp, limit: limit)
        return (
            plan.fires.map { $0.seconds - now.seconds }, plan.missed, plan.next.map { $0.seconds - now.seconds }
        )
    }

    @Test("on time: it runs, whatever the policy", arguments: CatchUpPolicy.allCases)
    func punctual(policy: CatchUpPolicy) throws {
        let plan = try plan("* * * * *", due: 0, policy)
        #expect(plan.fires == [0] && plan.missed == nil && plan.next == 60)
        let late = try self.plan("* * * * *", due: FirePlan.grace, policy)
        #expect(late.fires == [-60, 0] && late.missed == nil, "a minute late is still on time")
    }

    @Test("missed: none, the last, or all; what is on time runs in any case")
    func missed() throws {
        let hour: Int64 = 3_600
        let latest = try plan("30 * * * *", due: 9 * hour + 1_800, .latest)
        #expect(latest.fires == [-1_800] && latest.next == 1_800)
        #expect(latest.missed == FirePlan.Missed(first: now - (9 * hour + 1_800), count: 9))
        let skip = try plan("30 * * * *", due: 9 * hour + 1_800, .skip)
        #expect(skip.fires.isEmpty && skip.missed?.count == 10 && skip.next == 1_800)
        let all = try plan("30 * * * *", due: 9 * hour + 1_800, .all)
        #expect(all.fires.count == 10 && all.missed == nil)
        let capped = try plan("30 * * * *", due: 9 * hour + 1_800, .all, limit: 3)
        #expect(capped.fires == [-2 * hour - 1_800, -hour - 1_800, -1_800] && capped.missed?.count == 7)
        let beside = try plan("0 * * * *", due: 5 * hour, .latest)
        #expect(beside.fires == [0] && beside.missed?.count == 5, "one on time stands for those before it")
        #expect(try plan("0 * * * *", due: 5 * hour, .all, limit: 2).fires == [-2 * hour, -hour, 0])
        #expect(try plan("0 * * * *", due: 5 * hour, .skip).fires == [0])
    }

    @Test("years of missed minutes cost little, and are counted up to a thousand")
    func long() throws {
        let plan = try plan("* * * * *", due: 3 * 366 * 86_400, .all, limit: 10)
        #expect(plan.fires.count == 12 && plan.fires.last == 0 && plan.fires.first == -11 * 60)
        #expect(plan.missed?.count == 1_000)
        #expect(plan.missed?.reason.contains("1000 or more") == true)
        #expect(FirePlan.Missed(first: now, count: 1).reason.contains("a fire from 2026-01-01T00:00:00Z"))
    }

    @Test("random plans: every fire since it was due runs or is counted as missed, none twice, none ahead")
    func invariants() throws {
        var random = SeededGenerator(seed: 4)
        let rules = ["* * * * *", "*/7 * * * *", "3 * * * *", "0 4 * * *", "@every 13s", "@every 90m", "0 0 1 * *"]
        for _ in 0..<300 {
            let rule = try #require(rules.randomElement(using: &random))
            let times = FireTimes(try FireRule(rule), in: .utc)
            let span = Int64.random(in: 0...20_000, using: &random)
            guard let due = times.next(after: now - span), due <= now else { continue }
            let policy = try #require(CatchUpPolicy.allCases.randomElement(using: &random))
            let plan = FirePlan(times, due: due, now: now, catchUp: policy, limit: .random(in: 1...5, using: &random))
            let all = times.fires(from: due, to: now, limit: .max)
            #expect(plan.fires == Array(all.suffix(plan.fires.count)) || policy == .latest)
            #expect(Set(plan.fires).isSubset(of: all) && plan.fires == plan.fires.sorted())
            let left = all.count - plan.fires.count
            #expect(plan.missed?.count ?? 0 == min(left, 1_000), "\(rule) \(policy) since \(due)")
            #expect(plan.next == times.next(after: now))
            #expect(all.filter { $0 >= now - FirePlan.grace }.allSatisfy { plan.fires.contains($0) })
        }
    }

    @Test("overlap, as a table: allowed, skipped, one waits")
    func overlap() {
        var allow = OverlapState(policy: .allow, hasLive: true, waiting: nil)
        #expect(allow.admit(now) == .enqueue && allow.admit(now + 1) == .enqueue)

        var skip = OverlapState(policy: .skip, hasLive: false, waiting: nil)
        #expect(skip.admit(now) == .enqueue)
        #expect(skip.admit(now + 1) == .skip(reason: "overlap: the task of an earlier fire was still live"))

        var one = OverlapState(policy: .queueOne, hasLive: false, waiting: nil)
        #expect(one.admit(now) == .enqueue && one.admit(now + 1) == .wait && one.waiting == now + 1)
        let reason = "overlap: the fire of \(now + 1) was waiting already"
        #expect(one.admit(now + 2) == .skip(reason: reason) && one.waiting == now + 1)
        var settled = OverlapState(policy: .queueOne, hasLive: false, waiting: now)
        #expect(settled.admit(now + 2) != .enqueue, "the one that waits comes first")
    }
}
