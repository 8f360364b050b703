import SluiceCore
import SluiceDocuments
import SluiceTestKit
import Testing

@Suite("Which tenants have an index of their own")
struct TenantIndexPolicyTests {
    private func tenant(_ name: String, _ vectors: Int, _ isIndexed: Bool = false) -> TenantIndexPolicy.Tenant {
        TenantIndexPolicy.Tenant(id: TenantID(trusted: name), vectors: vectors, isIndexed: isIndexed)
    }

    private func names(_ ids: [TenantID]) -> [String] { ids.map(\.rawValue) }

    @Test("by size, within bounds that keep one from coming and going")
    func bounds() {
        let policy = TenantIndexPolicy(partialFrom: 100, partialUntil: 50, shareAtMost: 0.5, most: 9)
        let plan = policy.plan([
            tenant("a", 99), tenant("b", 100), tenant("c", 60, true), tenant("d", 49, true), tenant("e", 900),
            tenant("f", 0, true), tenant("g", 500),
        ])
        #expect(names(plan.build) == ["g", "b"], "e has more than half of all")
        #expect(names(plan.keep) == ["c"] && names(plan.drop) == ["d", "f"])
        #expect(policy.plan([]) == TenantIndexPolicy.Plan())
        #expect(policy.plan([tenant("only", 10_000, true)]).drop.count == 1, "alone in the version")
    }

    @Test("no more than there may be, the largest, those that are there before those that are not")
    func cap() {
        let policy = TenantIndexPolicy(partialFrom: 10, partialUntil: 5, shareAtMost: 1, most: 2)
        let plan = policy.plan([tenant("a", 30), tenant("b", 25, true), tenant("c", 20, true), tenant("d", 31)])
        #expect(names(plan.build) == ["d"] && names(plan.keep) == ["b"] && names(plan.drop) == ["c"])
    }

    @Test("any tenants: what is decided keeps to the bounds, and once done nothing is left to do", arguments: 0..<300)
    func settles(seed: Int) {
        var random = SluiceTestKit.SeededGenerator(seed: UInt64(seed))
        let policy = TenantIndexPolicy(
            partialFrom: 100,
            partialUntil: Int.random(in: 0...100, using: &random),
            shareAtMost: Double.random(in: 0...1, using: &random),
            most: Int.random(in: 0...5, using: &random)
        )
        let tenants = (0..<Int.random(in: 0...20, using: &random)).map {
            tenant("t\($0)", Int.random(in: 0...300, using: &random), Bool.random(using: &random))
        }
        let plan = policy.plan(tenants)
        #expect(plan.build.count + plan.keep.count <= policy.most)
        let had = Set(tenants.filter(\.isIndexed).map(\.id))
        #expect(Set(plan.keep + plan.drop) == had && plan.keep.count + plan.drop.count == had.count)
        #expect(had.isDisjoint(with: plan.build))
        let all = tenants.reduce(0) { $0 + $1.vectors }
        for tenant in tenants where plan.build.contains(tenant.id) || plan.keep.contains(tenant.id) {
            #expect(tenant.vectors >= policy.partialUntil && Double(tenant.vectors) <= policy.shareAtMost * Double(all))
        }
        let now = Set(plan.build + plan.keep)
        let after = policy.plan(tenants.map { tenant($0.id.rawValue, $0.vectors, now.contains($0.id)) })
        #expect(after.build.isEmpty && after.drop.isEmpty && Set(after.keep) == now)
    }
}
