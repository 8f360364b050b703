import SluiceDocuments
import Testing

@Suite("Evidence of gates")
struct GateEvidenceTests {
    private static let facts = GateEvidence.Facts(
        epoch: 3,
        indexedAt: 77,
        vectors: 1_000,
        newestChunk: 5_000,
        thresholds: ["recall=0.9"],
        goldenRevision: 2
    )

    private func evidence(
        _ verdict: GateVerdict = .go,
        age: Double = 60,
        added: Int = 0,
        _ change: (inout GateEvidence.Facts) -> Void = { _ in }
    ) -> GateEvidence {
        var now = Self.facts
        change(&now)
        return GateEvidence(
            run: 9,
            verdict: verdict,
            then: Self.facts,
            now: now,
            age: age,
            added: added,
            limits: GateThresholds()
        )
    }

    @Test("fresh evidence of a GO lets a version in, other verdicts do not")
    func verdicts() {
        #expect(evidence().refusal == nil)
        #expect(evidence(.noGo).refusal?.contains("no_go") == true)
        #expect(evidence(.inconclusive).refusal?.contains("inconclusive") == true)
    }

    @Test("everything that it rests on makes it stale")
    func staleness() {
        #expect(evidence { $0.epoch = 4 }.staleness?.contains("epoch") == true)
        #expect(evidence { $0.indexedAt = 78 }.staleness?.contains("built anew") == true)
        #expect(evidence { $0.indexedAt = nil }.staleness != nil)
        #expect(evidence { $0.thresholds = [] }.staleness?.contains("thresholds") == true)
        #expect(evidence { $0.goldenRevision = 3 }.staleness?.contains("golden") == true)
        #expect(evidence(age: 24 * 3_600 - 1).staleness == nil)
        #expect(evidence(age: 24 * 3_600 + 1).staleness?.contains("hours") == true)
    }

    @Test("a tenth of the vectors may come or go, and those who came do not hide those who went")
    func change() {
        #expect(evidence(added: 100) { $0.vectors = 1_100 }.staleness == nil)
        #expect(evidence(added: 101) { $0.vectors = 1_101 }.staleness != nil)
        #expect(evidence { $0.vectors = 900 }.staleness == nil)
        #expect(evidence { $0.vectors = 899 }.staleness != nil)
        #expect(evidence(added: 60) { $0.vectors = 1_000 }.staleness != nil, "60 came and 60 went")
        #expect(evidence(added: 60) { $0.vectors = 1_000 }.refusal?.contains("stale") == true)
    }
}
