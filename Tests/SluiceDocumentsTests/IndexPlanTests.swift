import SluiceCore
import SluiceDocuments
import Testing

@Suite("What a rebuild is about to cost")
struct IndexPlanTests {
    private static let spec = IndexVersionSpec(
        model: ModelIdentity(fingerprint: "m", dimension: 384),
        chunkerFingerprint: "c"
    )

    private static func facts(_ chunks: Int, reusable: Int, characters: Int = 0) -> IndexPlan.Facts {
        IndexPlan.Facts(
            chunks: chunks,
            reusable: reusable,
            charactersToEmbed: characters,
            copiedPerSecond: 1_000,
            embeddedPerSecond: 10,
            indexedPerSecond: 500
        )
    }

    @Test("the same model costs no token; another one costs what has no vector")
    func tokens() {
        let same = IndexPlan(Self.spec, Self.facts(1_000, reusable: 1_000), .init(pricePerMillionTokens: 2))
        #expect(same.toEmbed == 0 && same.tokens == 0 && same.cost == 0 && same.problems.isEmpty)
        #expect(same.seconds == 3)
        let other = IndexPlan(
            Self.spec,
            Self.facts(1_000, reusable: 400, characters: 2_000_000),
            .init(pricePerMillionTokens: 2)
        )
        #expect(other.toEmbed == 600 && other.tokens == 500_000 && other.cost == 1)
        #expect(other.seconds == 0.4 + 60 + 2)
    }

    @Test(
        "sizes are of the right order: a million of 384 takes one to three gigabytes; vectors take more than halfvecs"
    )
    func sizes() {
        let half = IndexPlan(Self.spec, Self.facts(1_000_000, reusable: 1_000_000), .init())
        for bytes in [half.tableBytes, half.indexBytes] { #expect((800_000_000..<2_500_000_000).contains(bytes)) }
        #expect((1_000..<2_048).contains(half.memoryMegabytes) && half.problems.isEmpty)
        var full = Self.spec
        full.storage = .vector
        let plan = IndexPlan(full, Self.facts(1_000_000, reusable: 1_000_000), .init())
        #expect(plan.tableBytes > half.tableBytes && plan.indexBytes > half.indexBytes)
        #expect(plan.problems.count == 1, "its graph is more than is allowed")
    }

    @Test("no headroom, no rebuild; what nobody said is said")
    func headroom() {
        let facts = Self.facts(100_000, reusable: 100_000)
        let need = IndexPlan(Self.spec, facts, .init()).diskBytes
        #expect(IndexPlan(Self.spec, facts, .init(diskFree: need)).problems.isEmpty)
        #expect(IndexPlan(Self.spec, facts, .init(diskFree: need - 1)).problems.count == 1)
        #expect(IndexPlan(Self.spec, facts, .init()).notes.contains { $0.contains("--disk-free") })
        #expect(IndexPlan(Self.spec, facts, .init(memoryMegabytes: 10)).problems.count == 1)
        var unmeasured = facts
        unmeasured.indexedPerSecond = nil
        #expect(IndexPlan(Self.spec, unmeasured, .init()).seconds == nil)
    }

    @Test("a version that cannot be is refused")
    func impossible() {
        var spec = Self.spec
        #expect(spec.problem == nil)
        spec.m = 101
        #expect(spec.problem?.contains("m must be") == true)
        spec = Self.spec
        spec.efConstruction = 31
        #expect(spec.problem?.contains("twice m") == true)
        spec = Self.spec
        spec.storage = .vector
        spec.model = ModelIdentity(fingerprint: "m", dimension: 2_001)
        #expect(spec.problem?.contains("2000") == true)
        spec.storage = .halfvec
        #expect(spec.problem == nil)
    }

    @Test("a backfill keeps to its share, and its batches near their aim", arguments: 1...99)
    func pace(percent: Int) {
        var pace = BackfillPace(share: Double(percent) / 100)
        var (work, rest) = (Duration.zero, Duration.zero)
        for _ in 0..<40 {
            // 1,000 chunks a second.
            let time = Duration.milliseconds(pace.limit)
            rest += pace.took(time)
            work += time
        }
        let share = work.inSeconds / (work + rest).inSeconds
        #expect(abs(share - Double(percent) / 100) < 0.001)
        #expect((200...300).contains(pace.limit))
        for _ in 0..<40 { _ = pace.took(.seconds(60)) }
        #expect(pace.limit == 50)
        for _ in 0..<40 { _ = pace.took(.zero) }
        #expect(pace.limit == 10_000)
    }
}
