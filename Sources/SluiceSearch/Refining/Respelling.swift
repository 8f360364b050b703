/// What a question's unknown words are taken for. A pure value.
///
/// Two ways lead to known words: one slip, among all words that one slip makes; and, for what that does not mend, likeness in groups of
/// three letters, among the words that the tenant's chunks have.
enum Respelling {
    /// Words of a question that are mended at most.
    static let wordsAtMost = 4
    /// Taken for one word at most.
    static let insteadAtMost = 3
    /// Of what one word may be taken for, so many are looked for where not every document is for the asker.
    static let lookedForAtMost = 12
    /// Of each of these no more chunks are looked at than so many.
    static let lookedAtMost = 1_000
    /// How alike a word must be, at least: the part of all groups of three letters that both have, 0...1. Of SciFact's words with two
    /// slips the right one is found for 43 %, among 1.3 like ones on average; at 0.45 for 23 % among 0.3, and at pg_trgm's 0.3 for
    /// 54 %, among 2.9: too many where a word is simply not there.
    static let likeness = 0.35
    /// What a word one slip away counts for, where one that was asked for counts 1. (Of words of another kind it is their likeness.) A
    /// word that is right but nowhere in the corpus is one slip from others, too: with 1, clean questions suffer.
    static let slip = 0.7

    /// A word that is asked for in place of one that no chunk has.
    struct Choice: Sendable, Equatable {
        /// As the question has it.
        let word: String
        let instead: String
        let asked: AskedTerm
    }

    /// A word that is like one of the question's, both as stems.
    struct Alike: Sendable, Equatable {
        let word: String
        let instead: String
        let term: Int64
        /// 0...1.
        let likeness: Double
        let frequency: Int
    }

    /// Those of the words, in order, of which nothing is known. What the question does not ask for, such as the last words of a very
    /// long one, is none of them; nor is what has a digit: one year is not meant for another.
    static func unknown(
        _ words: [String],
        _ terms: [WordStatements.Term],
        asked: Set<Int64>,
        known: Set<Int64>
    ) -> [String] {
        let byWord = Dictionary(grouping: terms, by: \.word)
        return Array(
            words.filter { word in
                guard let own = byWord[word], word.unicodeScalars.allSatisfy({ $0.properties.numericType == nil })
                else { return false }
                return own.allSatisfy { asked.contains($0.term) && !known.contains($0.term) }
            }.prefix(wordsAtMost)
        )
    }

    /// For words that one slip mends.
    static func choices(
        _ words: [String],
        _ known: [Spelling.Known],
        most: Int = insteadAtMost
    ) -> [Choice] {
        Spelling.meant(words, known, most: most).map { word, instead in
            Choice(
                word: word,
                instead: instead.word,
                asked: AskedTerm(term: instead.term, frequency: instead.frequency, share: slip)
            )
        }
    }

    /// For the others: of each word the most alike, the commoner first. What no chunk has any more does not count, nor a word's second
    /// entry.
    static func choices(_ alike: [Alike], most: Int = insteadAtMost) -> [Choice] {
        var words: [String] = []
        var byWord: [String: [Alike]] = [:]
        for one in alike where one.frequency > 0 && one.likeness >= likeness {
            if byWord[one.word] == nil { words.append(one.word) }
            byWord[one.word, default: []].append(one)
        }
        return words.flatMap { word in
            var met: Set<Int64> = []
            return (byWord[word] ?? [])
                .sorted { ($1.likeness, $1.frequency, $0.instead) < ($0.likeness, $0.frequency, $1.instead) }
                .filter { met.insert($0.term).inserted }
                .prefix(most)
                .map { one in
                    Choice(
                        word: word,
                        instead: one.instead,
                        asked: AskedTerm(term: one.term, frequency: one.frequency, share: one.likeness)
                    )
                }
        }
    }

    /// A question's words with what stands in for the unknown ones. A word that is asked for anyway, or twice over, counts once, by
    /// what it counts for most.
    static func terms(_ asked: [AskedTerm], _ choices: [Choice]) -> [AskedTerm] {
        var terms = asked.filter { $0.frequency > 0 }
        for choice in choices {
            if let place = terms.firstIndex(where: { $0.term == choice.asked.term }) {
                if terms[place].share < choice.asked.share { terms[place] = choice.asked }
            } else {
                terms.append(choice.asked)
            }
        }
        return terms
    }
}
