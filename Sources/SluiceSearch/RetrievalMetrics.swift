internal import Glibc

/// How well rankings answer a question whose right answers are known. Of binary relevance unless grades are given.
package enum RetrievalMetrics {
    /// Discounted cumulative gain of the first `count`, as a part of what the best order would have, 0...1. A grade counts as it
    /// is, an element without one nothing. 0 when nothing is right.
    package static func ndcg<Element: Hashable>(_ ranking: [Element], _ grades: [Element: Double], at count: Int)
        -> Double
    {
        var seen: Set<Element> = []
        let gains = ranking.filter { seen.insert($0).inserted }.prefix(count).map { grades[$0] ?? 0 }
        let best = discounted(grades.values.sorted(by: >).prefix(count))
        return best > 0 ? discounted(gains[...]) / best : 0
    }

    /// The part of what is right that is among the first `count`, 0...1; 0 when nothing is right.
    package static func recall<Element: Hashable>(_ ranking: [Element], _ right: Set<Element>, at count: Int) -> Double
    {
        right.isEmpty ? 0 : Double(Set(ranking.prefix(count)).intersection(right).count) / Double(right.count)
    }

    /// One divided by the place of the first right one among the first `count`; 0 when there is none.
    package static func reciprocalRank<Element: Hashable>(
        _ ranking: [Element],
        _ right: Set<Element>,
        at count: Int
    ) -> Double {
        ranking.prefix(count).firstIndex(where: right.contains).map { 1 / Double($0 + 1) } ?? 0
    }

    private static func discounted(_ gains: some Sequence<Double>) -> Double {
        gains.enumerated().reduce(0) { $0 + $1.element / log2(Double($1.offset + 2)) }
    }
}
