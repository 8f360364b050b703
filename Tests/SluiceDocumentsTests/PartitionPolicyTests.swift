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
