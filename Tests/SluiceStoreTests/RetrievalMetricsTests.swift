import SluiceTestKit
import Testing

@testable import SluiceSearch

@Suite("Retrieval metrics")
struct RetrievalMetricsTests {
    @Test("known answers")
    func known() {
        // trec_eval's: (3/log2(2) + 2/log2(3) + 0 + 1/log2(5)) / (3/log2(2) + 2/log2(3) + 1/log2(4))
        let graded = RetrievalMetrics.ndcg(["a", "b", "x", "c"], ["a": 3, "b": 2, "c": 1], at: 10)
        #expect(abs(graded - 0.985_441_938_842_878_5) < 1e-12)
        #expect(abs(RetrievalMetrics.ndcg(["x", "a"], ["a": 1], at: 10) - 0.630_929_753_571_457_4) < 1e-12)
        #expect(RetrievalMetrics.ndcg(["x", "a"], ["a": 1], at: 1) == 0)
        #expect(RetrievalMetrics.ndcg(["a"], [:], at: 10) == 0 && RetrievalMetrics.ndcg([], ["a": 1], at: 10) == 0)
        #expect(RetrievalMetrics.recall(["x", "a", "b"], ["a", "c"], at: 10) == 0.5)
        #expect(
            RetrievalMetrics.recall(["x", "a"], ["a"], at: 1) == 0 && RetrievalMetrics.recall(["x"], [], at: 1) == 0
        )
        #expect(RetrievalMetrics.reciprocalRank(["x", "y", "a", "b"], ["a", "b"], at: 10) == 1.0 / 3)
        #expect(RetrievalMetrics.reciprocalRank(["x", "y", "a"], ["a"], at: 2) == 0)
    }

    @Test("bounds, the best order, and that more found is never worse", arguments: 0..<200)
    func properties(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let all = Array(0..<40).shuffled(using: &random)
        let right = Set(all.shuffled(using: &random).prefix(Int.random(in: 1...10, using: &random)))
        let grades = Dictionary(uniqueKeysWithValues: right.map { ($0, Double(1 + $0 % 3)) })
        let best = grades.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
        #expect(abs(RetrievalMetrics.ndcg(best + all, grades, at: 10) - 1) < 1e-12)
        var (recall, rank) = (0.0, 0.0)
        for count in 1...40 {
            let gain = RetrievalMetrics.ndcg(all, grades, at: count)
            #expect(gain >= 0 && gain <= 1 + 1e-12)
            let (more, place) = (
                RetrievalMetrics.recall(all, right, at: count), RetrievalMetrics.reciprocalRank(all, right, at: count)
            )
            #expect(more >= recall && place >= rank && more <= 1 && place <= 1)
            (recall, rank) = (more, place)
        }
        #expect(recall == 1)
        // A right one moved up is never worse.
        if let place = all.indices.dropFirst().first(where: { right.contains(all[$0]) && !right.contains(all[$0 - 1]) })
        {
            var better = all
            better.swapAt(place, place - 1)
            #expect(RetrievalMetrics.ndcg(better, grades, at: 40) > RetrievalMetrics.ndcg(all, grades, at: 40))
        }
    }
}
