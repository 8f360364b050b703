import SluiceTestKit
import Testing

@testable import SluiceSearch

@Suite("Refining a ranking")
struct RefiningTests {
    @Test(
        "weighted fusion lies between its lists: any lists, every element once, scores in 0...1, ends as one list alone",
        arguments: 0..<200
    )
    func weighted(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let lists = (0..<2).map { _ in
            Array((0..<20).shuffled(using: &random).prefix(Int.random(in: 0...20, using: &random)))
                .map { (element: $0, score: Double(Int.random(in: -5...5, using: &random))) }
                .sorted { $0.score > $1.score }
        }
        let weight = Double.random(in: 0...1, using: &random)
        let fused = Fusion.weighted([(weight, lists[0]), (1 - weight, lists[1])])
        #expect(Set(fused.map(\.element)) == Set(lists.joined().map(\.element)))
        #expect(Set(fused.map(\.element)).count == fused.count)
        #expect(fused.allSatisfy { (-1e-12...1 + 1e-12).contains($0.score) })
        for (first, second) in zip(fused, fused.dropFirst()) {
            #expect(first.score > second.score || (first.score == second.score && first.element < second.element))
        }
        let alone = Fusion.weighted([(1, lists[0]), (0, lists[1])])
        let order = Dictionary(lists[0].map { ($0.element, $0.score) }) { first, _ in first }
        let scores = alone.compactMap { order[$0.element] }
        #expect(zip(scores, scores.dropFirst()).allSatisfy { $0 >= $1 || scores.last == $1 })
    }

    @Test("scores are made to lie in 0...1 in their order")
    func normalised() {
        #expect(Fusion.normalised([]).isEmpty && Fusion.normalised([3, 3]) == [1, 1])
        #expect(Fusion.normalised([4, -2, 1]) == [1, 0, 0.5])
    }

    @Test("freshness halves with each half-life, and what has no time has none")
    func recency() {
        let recency = Recency(halfLife: 10, weight: 0.25)
        #expect(
            recency.freshness(age: 0) == 1 && recency.freshness(age: 10) == 0.5 && recency.freshness(age: 30) == 0.125
        )
        #expect(recency.freshness(age: -5) == 1 && recency.freshness(age: nil) == 0)
        #expect(
            recency.boosted(1, age: 0) == 1 && recency.boosted(0, age: nil) == 0 && recency.boosted(0.5, age: 10) == 0.5
        )
        var random = SeededGenerator(seed: 3)
        for _ in 0..<500 {
            let (relevance, age) = (
                Double.random(in: 0...1, using: &random), Double.random(in: 0...100, using: &random)
            )
            let boosted = recency.boosted(relevance, age: age)
            #expect((0...1).contains(boosted))
            #expect(boosted >= recency.boosted(relevance, age: age + 1), "older is never better")
            #expect(boosted <= recency.boosted(min(1, relevance + 0.1), age: age), "more relevant is never worse")
            #expect(Recency(halfLife: 10, weight: 0).boosted(relevance, age: age) == relevance)
        }
    }

    @Test("no more than the cap of a document, none left out that had room, the order kept", arguments: 0..<200)
    func capped(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let groups = (0..<Int.random(in: 0...30, using: &random)).map { _ in Int.random(in: 0..<6, using: &random) }
        let (cap, count) = (Int.random(in: 1...4, using: &random), Int.random(in: 0...12, using: &random))
        let picked = Picking.capped(groups, perGroup: cap, count: count)
        #expect(picked == picked.sorted() && Set(picked).count == picked.count)
        let taken = Dictionary(grouping: picked) { groups[$0] }.mapValues(\.count)
        #expect(taken.values.allSatisfy { $0 <= cap })
        let room = Dictionary(grouping: groups, by: \.self).values.reduce(0) { $0 + min(cap, $1.count) }
        #expect(picked.count == min(count, room))
        for (place, group) in groups.enumerated() where place < (picked.last ?? 0) && !picked.contains(place) {
            #expect(picked.count { $0 < place && groups[$0] == group } == cap)
        }
    }

    @Test("each pick is the best one by relevance and unlikeness then, as written plainly", arguments: 0..<100)
    func diverse(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let size = Int.random(in: 0...15, using: &random)
        let vectors = (0..<size).map { _ in (0..<3).map { _ in Float.random(in: -1...1, using: &random) } }
        let relevance = (0..<size).map { _ in Double(Int.random(in: 0...4, using: &random)) / 4 }
        let groups = (0..<size).map { _ in Int.random(in: 0..<4, using: &random) }
        let (weight, count) = (Double.random(in: 0...1, using: &random), Int.random(in: 0...15, using: &random))
        let cap = Int.random(in: 1...5, using: &random)
        func like(_ one: Int, _ two: Int) -> Double { Picking.cosine(vectors[one], vectors[two]) }
        let picked = Picking.diverse(
            relevance,
            groups: groups,
            perGroup: cap,
            weight: weight,
            count: count,
            similarity: like
        )
        var before: [Int] = []
        for pick in picked {
            func merit(_ place: Int) -> Double {
                weight * relevance[place] - (1 - weight) * (before.map { like($0, place) }.max() ?? 0)
            }
            let open = (0..<size).filter { place in
                !before.contains(place) && before.count { groups[$0] == groups[place] } < cap
            }
            #expect(open.contains(pick.place))
            #expect(open.allSatisfy { merit($0) <= merit(pick.place) + 1e-9 })
            #expect(abs(pick.likeness - (before.map { like($0, pick.place) }.max() ?? 0)) < 1e-9)
            before.append(pick.place)
        }
        let room = Dictionary(grouping: groups, by: \.self).values.reduce(0) { $0 + min(cap, $1.count) }
        #expect(picked.count == min(count, room))
        let byRelevance = Picking.diverse(relevance, groups: groups, perGroup: cap, weight: 1, count: count) { _, _ in 1
        }
        let sorted = relevance.indices.sorted { (-relevance[$0], $0) < (-relevance[$1], $1) }
        #expect(
            byRelevance.map(\.place)
                == Picking.capped(sorted.map { groups[$0] }, perGroup: cap, count: count).map { sorted[$0] }
        )
    }

    @Test("cosines of any vectors")
    func cosine() {
        #expect(Picking.cosine([1, 0], [0, 1]) == 0 && Picking.cosine([2, 0], [3, 0]) == 1)
        #expect(Picking.cosine([1, 1], [-1, -1]) < -0.999 && Picking.cosine([0, 0], [1, 1]) == 0)
        #expect(Picking.cosine([], []) == 0)
    }
}

@Suite("Words that may have been meant")
struct SpellingTests {
    @Test("all that one slip makes, each once, and never the word itself")
    func neighbours() {
        let near = Set(Spelling.neighbours("ledger"))
        for word in ["ledger", "leger", "ledgers", "ledgar", "eldger", "zledger", "ledge", "lledger"]
        where word != "ledger" {
            #expect(near.contains(word), "\(word)")
        }
        #expect(!near.contains("ledger") && !near.contains("legdre") && !near.contains("ledgerss"))
        #expect(near.count == Spelling.neighbours("ledger").count)
        #expect(Spelling.neighbours("größe").contains("größße"), "letters of the word itself")
        #expect(!Spelling.neighbours("").contains(""))
        // Of n different letters out of 26: 25n + 25(n + 1) + 1 insertions and exchanges, n deletions, n - 1 swaps.
        #expect(Spelling.neighbours("abcde").count == 5 * 25 + (25 * 6 + 1) + 5 + 4)
    }

    @Test("one slip is mended from either side", arguments: 0..<100)
    func symmetric(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let letters = Array("abcdefgh")
        let word = String((0..<6).map { _ in letters.randomElement(using: &random) ?? "a" })
        guard let slip = Spelling.neighbours(word).randomElement(using: &random) else { return }
        #expect(Spelling.neighbours(slip).contains(word))
    }

    @Test("words worth a second look")
    func words() {
        #expect(Spelling.words("What is the Ledgre of IL-6, ledgre?") == ["what", "ledgre"])
        #expect(Spelling.words("one two six").isEmpty && Spelling.words("").isEmpty)
        #expect(Spelling.words((0..<40).map { "word\($0)" }.joined(separator: " ")).count == Spelling.wordsAtMost)
    }

    @Test("the most alike are asked for, commoner ones first among equals, each of their stems once")
    func meant() {
        let known = [
            Spelling.Known(word: "ledger", term: 1, frequency: 3),
            Spelling.Known(word: "ledgers", term: 1, frequency: 3),
            Spelling.Known(word: "edgre", term: 2, frequency: 90),
            Spelling.Known(word: "elsewhere", term: 9, frequency: 9),
        ]
        let meant = Spelling.meant(["ledgre", "nothing"], known, most: 3)
        #expect(Set(meant.map(\.instead.term)) == [1, 2] && meant.allSatisfy { $0.word == "ledgre" })
        #expect(Spelling.meant(["ledgre"], known, most: 1).count == 1)
        #expect(Spelling.similarity("ledger", "ledger") == 1 && Spelling.similarity("abc", "xyz") == 0)
        #expect(Spelling.similarity("ledgre", "ledger") > Spelling.similarity("ledgre", "sledge"))
    }
}
