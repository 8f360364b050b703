internal import Glibc

/// Robertson's and Spärck Jones's weight of words: rare ones weigh more, more of the same ever less, long chunks less.
package struct BM25: Sendable, Equatable {
    /// How soon more of the same word stops counting.
    package var k1 = 1.2
    /// How much a chunk's length counts, 0...1. Little: chunks are cut to a length, so that short ones are titles and the ends of
    /// sections, long ones often tables of facts that are asked for. With 0.4 (Anserini's, for whole passages) such tables lose: of
    /// questions about PDFs 3 % fewer find their page, and abstracts are found no better.
    package var b = 0.15

    package init() {}

    /// Never below 0, also for words that nearly every chunk has.
    package func weight(inChunks frequency: Int, of chunks: Int) -> Double {
        // Both are counted at different times, or no further than a limit.
        let (frequency, chunks) = (Double(frequency), Double(max(chunks, frequency)))
        return log(1 + (chunks - frequency + 0.5) / (frequency + 0.5))
    }

    /// What one word adds to the score of a chunk.
    package func score(weight: Double, occurrences: Int, length: Int, meanLength: Double) -> Double {
        let occurrences = Double(occurrences)
        let relative = meanLength > 0 ? Double(length) / meanLength : 1
        return weight * occurrences * (k1 + 1) / (occurrences + k1 * (1 - b + b * relative))
    }
}

/// A word of a question, and how many of the tenant's chunks hold it.
struct AskedTerm: Sendable, Equatable {
    let term: Int64
    let frequency: Int
    /// What it counts for: 1 for words that were asked for, less for those that may have been meant, 0...1.
    var share = 1.0
}

/// Which chunks are scored for a question: those with a rare word of it.
struct TermPlan: Sendable, Equatable {
    /// A chunk is scored when it has one of these.
    let selecting: [Int64]
    /// Or rather when it has all of them.
    let wantsAll: Bool
    /// All words that any chunk has, rarest first, and what each weighs.
    let scoring: [Int64]
    let weights: [Double]

    /// Whether chunks without a rare word are left out.
    var isSelective: Bool { selecting.count < scoring.count }

    /// With every word, for when too few chunks had the rare ones.
    var unselective: TermPlan { TermPlan(selecting: scoring, wantsAll: false, scoring: scoring, weights: weights) }

    /// With chunks that have both of the rarest words, for when even the rarest is in more than are scored. Nil: it is not, or it is the
    /// only one.
    var joint: TermPlan? {
        guard isSample, scoring.count > 1 else { return nil }
        return TermPlan(selecting: Array(scoring.prefix(2)), wantsAll: true, scoring: scoring, weights: weights)
    }

    /// Whether not all chunks with the rarest word are scored.
    private let isSample: Bool

    private init(selecting: [Int64], wantsAll: Bool, scoring: [Int64], weights: [Double]) {
        (self.selecting, self.wantsAll, self.scoring, self.weights) = (selecting, wantsAll, scoring, weights)
        isSample = false
    }

    /// Takes words, rarest first, while chunks with them are no more than `limit`, but one at least.
    init(_ asked: [AskedTerm], chunks: Int, limit: Int, ranking: BM25) {
        let known = asked.filter { $0.frequency > 0 }
            .sorted { ($0.frequency, $0.term) < ($1.frequency, $1.term) }
        var (selecting, sum): ([Int64], Int) = ([], 0)
        for word in known {
            sum += word.frequency
            guard selecting.isEmpty || sum <= limit else { break }
            selecting.append(word.term)
        }
        self.selecting = selecting
        wantsAll = false
        isSample = (known.first?.frequency ?? 0) > limit
        scoring = known.map(\.term)
        weights = known.map { $0.share * ranking.weight(inChunks: $0.frequency, of: chunks) }
    }
}
