import SluiceCore
import SluiceDocuments
import SluiceTestKit
import Testing

@Suite("Which tenants have a partition of their own")
struct PartitionPolicyTests {
    private static let model = ModelIdentity(fingerprint: "m", dimension: 384)

    private static func spec(_ policy: PartitionPolicy?) -> IndexVersionSpec {
        IndexVersionSpec(model: model, chunkerFingerprint: "c", partitions: policy)
    }

    private static func tenant(_ name: String, _ chunks: Int) -> PartitionPolicy.Tenant {
        PartitionPolicy.Tenant(TenantID(trusted: name), chunks: chunks)
    }

    @Test(
        "the largest, no more than may be, none at the border, equally large ones by name",
        arguments: 0..<40 as Range<UInt64>
    )
    func chosen(seed: UInt64) {
        var random = SluiceTestKit.SeededGenerator(seed: seed)
        let tenants = (0..<Int.random(in: 0...30, using: &random)).map {
            Self.tenant("t\($0)", Int.random(in: 0...20, using: &random))
        }
        let policy = PartitionPolicy(
            above: Int.random(in: 1...20, using: &random),
            atMost: Int.random(in: 1...10, using: &random)
        )
        let chosen = policy.chosen(among: tenants)
        #expect(chosen == policy.chosen(among: tenants.shuffled(using: &random)))
        #expect(chosen.count == min(policy.atMost, tenants.count { $0.chunks > policy.above }))
        #expect(chosen.allSatisfy { $0.chunks > policy.above })
        for (first, second) in zip(chosen, chosen.dropFirst()) {
            #expect(
                first.chunks > second.chunks || first.chunks == second.chunks && first.id.rawValue < second.id.rawValue
            )
        }
        if let last = chosen.last {
            #expect(tenants.allSatisfy { tenant in chosen.contains(tenant) || tenant.chunks <= last.chunks })
        }
    }

    @Test("a rebuild inherits, changes or ends them; what makes no sense is refused")
    func changes() throws {
        let old = PartitionPolicy(above: 10, atMost: 3)
        func applied(_ change: PartitionChange?, to live: PartitionPolicy?) throws -> PartitionPolicy? {
            try IndexVersionChange(partitions: change).applied(to: Self.spec(live)).partitions
        }
        #expect(try applied(nil, to: nil) == nil && applied(nil, to: old) == old)
        #expect(try applied(PartitionChange(above: nil, atMost: 7), to: old) == old)
        #expect(try applied(PartitionChange(above: 0, atMost: nil), to: old) == nil)
        #expect(try applied(PartitionChange(above: 5, atMost: nil), to: nil) == PartitionPolicy(above: 5, atMost: 64))
        #expect(try applied(PartitionChange(above: 5, atMost: 2), to: old) == PartitionPolicy(above: 5, atMost: 2))
        #expect(Self.spec(old).problem == nil && Self.spec(nil).problem == nil)
        for (above, most) in [(-1, 3), (0, 3), (1, 0), (1, 257)] {
            #expect(Self.spec(PartitionPolicy(above: above, atMost: most)).problem != nil)
        }
    }

    @Test("a plan counts memory by the largest partition, and says whom the cap leaves out")
    func plan() {
        func facts(_ tenants: [PartitionPolicy.Tenant]) -> IndexPlan.Facts {
            IndexPlan.Facts(chunks: 1_000_000, reusable: 1_000_000, charactersToEmbed: 0, largeTenants: tenants)
        }
        let whole = IndexPlan(Self.spec(nil), facts([]), .init())
        let policy = PartitionPolicy(above: 100_000, atMost: 2)
        let large = [Self.tenant("a", 300_000), Self.tenant("b", 200_000), Self.tenant("c", 150_000)]
        let plan = IndexPlan(Self.spec(policy), facts(large), .init())
        #expect(plan.partitions == 2 && whole.partitions == 0)
        #expect(
            plan.memoryMegabytes
                == IndexPlan(
                    Self.spec(nil),
                    IndexPlan.Facts(
                        chunks: 500_000,
                        reusable: 0,
                        charactersToEmbed: 0
                    ),
                    .init()
                ).memoryMegabytes
        )
        #expect(plan.memoryMegabytes < whole.memoryMegabytes && plan.diskBytes == whole.diskBytes)
        #expect(plan.notes.contains { $0.contains("3 tenants") && $0.contains("2 largest") })
        let huge = IndexPlan(Self.spec(policy), facts([Self.tenant("a", 900_000)]), .init(memoryMegabytes: 500))
        #expect(huge.problems.count == 1, "the largest tenant's alone is more than is allowed")
        #expect(IndexPlan(Self.spec(policy), facts([]), .init()).notes.contains { $0.contains("no tenant") })
    }
}

@Suite("When partitions do not fit any more")
struct PartitionDriftTests {
    private static func tenant(_ name: String, _ chunks: Int) -> PartitionPolicy.Tenant {
        PartitionPolicy.Tenant(TenantID(trusted: name), chunks: chunks)
    }

    private static func drift(
        _ policy: PartitionPolicy,
        _ holders: [String],
        _ tenants: [(String, Int)]
    ) -> PartitionPolicy.Drift {
        policy.drift(of: holders.map { TenantID(trusted: $0) }, among: tenants.map { tenant($0, $1) })
    }

    @Test("a quarter above the border is due one, half of it is idle, between them nothing is wanted")
    func borders() {
        let policy = PartitionPolicy(above: 100, atMost: 3)
        #expect(Self.drift(policy, [], [("a", 125)]).isNone)
        #expect(Self.drift(policy, [], [("a", 126)]) == PartitionPolicy.Drift(due: 1, idle: 0))
        #expect(Self.drift(policy, ["a"], [("a", 51)]).isNone)
        #expect(Self.drift(policy, ["a"], [("a", 50)]) == PartitionPolicy.Drift(due: 0, idle: 1))
        #expect(Self.drift(policy, ["a"], []) == PartitionPolicy.Drift(due: 0, idle: 1), "one that left")
        #expect(Self.drift(PartitionPolicy(above: 1), ["a"], [("a", 1)]).isNone)
    }

    @Test("under the cap only who is far larger than the smallest that has one displaces it")
    func cap() {
        let policy = PartitionPolicy(above: 100, atMost: 2)
        let held = ["a", "b"]
        #expect(Self.drift(policy, held, [("a", 400), ("b", 200), ("c", 201)]).isNone)
        #expect(Self.drift(policy, held, [("a", 400), ("b", 200), ("c", 250)]).isNone)
        #expect(Self.drift(policy, held, [("a", 400), ("b", 200), ("c", 251)]).due == 1)
        #expect(Self.drift(policy, held, [("a", 400), ("b", 90), ("c", 130)]).due == 1)
    }

    @Test(
        "after a rebuild nobody wants another, and sizes that move by a tenth change nothing",
        arguments: 0..<200 as Range<UInt64>
    )
    func settled(seed: UInt64) {
        var random = SluiceTestKit.SeededGenerator(seed: seed)
        let policy = PartitionPolicy(
            above: Int.random(in: 50...300, using: &random),
            atMost: Int.random(in: 1...6, using: &random)
        )
        let tenants = (0..<Int.random(in: 0...12, using: &random)).map {
            Self.tenant("t\($0)", Int.random(in: 0...1_000, using: &random))
        }
        let holders = policy.chosen(among: tenants).map(\.id)
        #expect(policy.drift(of: holders, among: tenants).isNone)
        let moved = tenants.map {
            Self.tenant($0.id.rawValue, $0.chunks + $0.chunks * Int.random(in: -10...10, using: &random) / 100)
        }
        #expect(policy.drift(of: holders, among: moved).isNone)
    }
}
