import SluiceTestKit
import Testing

@testable import SluiceSearch

@Suite("What unknown words are taken for")
struct RespellingTests {
    private func alike(
        _ word: String,
        _ instead: String,
        _ term: Int64,
        _ likeness: Double,
        _ frequency: Int = 1
    ) -> Respelling.Alike {
        Respelling.Alike(word: word, instead: instead, term: term, likeness: likeness, frequency: frequency)
    }

    @Test("the most alike first, of equals the commoner; what is gone, too unlike or there twice does not count")
    func order() {
        let choices = Respelling.choices([
            alike("hedgr", "hedge", 1, 0.5, 2), alike("hedgr", "ledge", 2, 0.5, 9), alike("hedgr", "hedg", 3, 0.9),
            alike("hedgr", "hedge", 1, 0.5, 2), alike("hedgr", "gone", 4, 0.99, 0), alike("hedgr", "sedge", 5, 0.36),
            alike("wrod", "word", 6, Respelling.likeness), alike("wrod", "wry", 7, Respelling.likeness - 0.01),
        ])
        #expect(choices.map(\.instead) == ["hedg", "ledge", "hedge", "word"])
        #expect(choices.map(\.word) == ["hedgr", "hedgr", "hedgr", "wrod"])
        #expect(choices.map(\.asked.share) == [0.9, 0.5, 0.5, Respelling.likeness])
        #expect(Respelling.choices([]).isEmpty)
    }

    @Test("any words: bounded, sorted, never more than asked for counts", arguments: 0..<50)
    func random(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let given = (0..<Int.random(in: 0...60, using: &random)).map { _ in
            let term = Int64.random(in: 0..<12, using: &random)
            return alike(
                "q\(Int.random(in: 0..<4, using: &random))",
                "w\(term)",
                term,
                Double.random(in: 0...1, using: &random),
                Int.random(in: 0...3, using: &random)
            )
        }
        let choices = Respelling.choices(given)
        for (word, chosen) in Dictionary(grouping: choices, by: \.word) {
            #expect(chosen.count <= Respelling.insteadAtMost && Set(chosen.map(\.asked.term)).count == chosen.count)
            #expect(zip(chosen, chosen.dropFirst()).allSatisfy { $0.asked.share >= $1.asked.share })
            let best = given.filter { $0.word == word && $0.frequency > 0 }.map(\.likeness).max()
            #expect(chosen.first?.asked.share == best)
        }
        let asked = (0..<6).map { AskedTerm(term: Int64($0), frequency: $0 % 3) }
        let terms = Respelling.terms(asked, choices)
        #expect(Set(terms.map(\.term)).count == terms.count && terms.allSatisfy { $0.frequency > 0 })
        for own in asked where own.frequency > 0 { #expect(terms.contains(own)) }
        for choice in choices {
            let found = terms.first { $0.term == choice.asked.term }
            #expect((found?.share ?? 0) >= choice.asked.share)
        }
    }

    @Test("unknown is what is asked for and nobody has, four at most")
    func unknown() {
        let words = ["what", "ledgre", "finch", "beyond", "one", "two", "three", "four"]
        let terms = words.enumerated().filter { $0.element != "what" }
            .map { WordStatements.Term(word: $0.element, term: Int64($0.offset)) }
        let asked = Set(terms.map(\.term)).subtracting([3])
        #expect(Respelling.unknown(words, terms, asked: asked, known: [2, 4]) == ["ledgre", "two", "three", "four"])
        #expect(Respelling.unknown(words, terms, asked: asked, known: []).count == Respelling.wordsAtMost)
        #expect(Respelling.unknown(words, terms, asked: asked, known: asked).isEmpty)
        #expect(Respelling.unknown([], [], asked: [], known: []).isEmpty)
        let figures = ["2024", "il6a", "٢٠٢٤", "½cup", "year"].enumerated()
            .map { WordStatements.Term(word: $0.element, term: Int64($0.offset)) }
        let left = Respelling.unknown(figures.map(\.word), figures, asked: Set(0..<5), known: [])
        #expect(left == ["year"], "what has a digit is not meant for another")
    }

    @Test("what may have been meant weighs less than what was asked for")
    func weights() {
        let plan = TermPlan(
            [AskedTerm(term: 1, frequency: 5), AskedTerm(term: 2, frequency: 5, share: 0.5)],
            chunks: 100,
            limit: 100,
            ranking: BM25()
        )
        #expect(plan.scoring == [1, 2] && plan.weights[1] == plan.weights[0] / 2)
        let known = [Spelling.Known(word: "ledger", term: 3, frequency: 4)]
        let slips = Respelling.choices(["ledgre"], known)
        #expect(slips.map(\.asked) == [AskedTerm(term: 3, frequency: 4, share: Respelling.slip)])
        #expect(Respelling.slip < 1)
    }
}
