import SluiceTestKit
import Testing

@testable import SluiceSearch

@Suite("Ranking")
struct FusionTests {
    @Test("known fusions")
    func known() {
        #expect(Fusion.ranked([[Int]]()).isEmpty && Fusion.ranked([[], [Int]()]).isEmpty)
        let fused = Fusion.ranked([[1, 2, 3], [3, 4]])
        #expect(fused.map(\.element) == [3, 1, 2, 4])
        #expect(fused[0].score == 1.0 / 63 + 1.0 / 61)
        #expect(fused[1].score == 1.0 / 61)
        // 2 and 4 are both second in one list: ties go by element, and absence adds nothing.
        #expect(fused[2].score == 1.0 / 62 && fused[3].score == 1.0 / 62)
    }

    @Test(
        "any lists: every element once, its sum as written, in order; more lists never lower a score",
        arguments: 0..<200
    )
    func any(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let lists = (0..<Int.random(in: 0...4, using: &random)).map { _ in
            Array((0..<30).shuffled(using: &random).prefix(Int.random(in: 0...30, using: &random)))
        }
        let fused = Fusion.ranked(lists)
        #expect(Set(fused.map(\.element)) == Set(lists.joined()) && Set(fused.map(\.element)).count == fused.count)
        for (element, score) in fused {
            let expected = lists.compactMap { $0.firstIndex(of: element) }.reduce(0) { $0 + 1 / (61 + Double($1)) }
            #expect(abs(score - expected) < 1e-12)
        }
        for (first, second) in zip(fused, fused.dropFirst()) {
            #expect(first.score > second.score || (first.score == second.score && first.element < second.element))
        }
        let repeated = Fusion.ranked(lists.map { list in list.flatMap { [$0, $0] } })
        #expect(repeated.map(\.element) == fused.map(\.element), "an element counts once a list")
    }

    @Test("a word weighs less the more chunks have it, and never less than nothing")
    func weights() {
        let ranking = BM25()
        for chunks in [1, 2, 10, 1_000] {
            let weights = (0...chunks).map { ranking.weight(inChunks: $0, of: chunks) }
            #expect(weights.allSatisfy { $0 > 0 })
            #expect(zip(weights, weights.dropFirst()).allSatisfy { $0 > $1 })
        }
        // ln(1 + (10 - 3 + 0.5) / (3 + 0.5))
        #expect(abs(ranking.weight(inChunks: 3, of: 10) - 1.145_132_304_303_002_6) < 1e-12)
        #expect(ranking.weight(inChunks: 9, of: 3) > 0, "counted later than the chunks")
    }

    @Test("more of a word scores more, but ever less so; a longer chunk scores less")
    func saturation() {
        let ranking = BM25()
        let score = { ranking.score(weight: 2, occurrences: $0, length: $1, meanLength: 100) }
        #expect(score(0, 100) == 0)
        #expect(abs(score(1, 100) - 2) < 1e-12, "once, at the mean length: its weight")
        for n in 1..<50 {
            #expect(score(n + 1, 100) > score(n, 100) && score(n + 1, 100) < 2 * (ranking.k1 + 1))
            #expect(score(n + 1, 100) - score(n, 100) < score(n, 100) - score(n - 1, 100))
            #expect(score(n, 101) < score(n, 100))
        }
    }

    @Test("rare words choose the chunks, all known words score")
    func plan() {
        let asked = [(1, 500), (2, 3), (3, 0), (4, 40), (5, 3)].map { AskedTerm(term: $0.0, frequency: $0.1) }
        let plan = TermPlan(asked, chunks: 1_000, limit: 50, ranking: BM25())
        #expect(plan.selecting == [2, 5, 4] && plan.scoring == [2, 5, 4, 1] && plan.weights.count == 4)
        #expect(TermPlan(asked, chunks: 1_000, limit: 1, ranking: BM25()).selecting == [2], "one at least")
        #expect(TermPlan([], chunks: 0, limit: 50, ranking: BM25()).scoring.isEmpty)
    }
}
