/// Lists whose scores cannot be compared, made into one.
package enum Fusion {
    /// So that the first few ranks differ little.
    package static let k = 60.0

    /// Reciprocal rank fusion.
    ///
    /// Sums `1 / (60 + rank)` over the lists, ranks from 1; a list that has an element not adds nothing. Best first, ties by
    /// element. An element counts once a list, where it stands first.
    package static func ranked<Element: Hashable & Comparable>(
        _ lists: [[Element]]
    ) -> [(element: Element, score: Double)] {
        var scores: [Element: Double] = [:]
        for list in lists {
            var seen: Set<Element> = []
            for element in list where seen.insert(element).inserted {
                scores[element, default: 0] += 1 / (k + Double(seen.count))
            }
        }
        return ordered(scores)
    }

    /// Sums the scores of each list, made to lie in 0...1, times the list's weight; a list that has an element not adds nothing. Best
    /// first, ties by element. An element counts once a list, where it stands first.
    package static func weighted<Element: Hashable & Comparable>(
        _ lists: [(weight: Double, scored: [(element: Element, score: Double)])]
    ) -> [(element: Element, score: Double)] {
        var scores: [Element: Double] = [:]
        for list in lists {
            var seen: Set<Element> = []
            for (entry, score) in zip(list.scored, normalised(list.scored.map(\.score)))
            where seen.insert(entry.element).inserted {
                scores[entry.element, default: 0] += list.weight * score
            }
        }
        return ordered(scores)
    }

    /// The highest becomes 1 and the lowest 0; all become 1 when they are equal.
    package static func normalised(_ scores: [Double]) -> [Double] {
        guard let low = scores.min(), let high = scores.max(), high > low else { return scores.map { _ in 1 } }
        return scores.map { ($0 - low) / (high - low) }
    }

    private static func ordered<Element: Hashable & Comparable>(
        _ scores: [Element: Double]
    ) -> [(element: Element, score: Double)] {
        scores.map { (element: $0.key, score: $0.value) }
            .sorted { ($1.score, $0.element) < ($0.score, $1.element) }
    }
}

/// How the list by meaning and the list by words become one.
package enum FusionRule: Sendable, Equatable {
    /// By their ranks.
    case ranks
    /// By their scores: the weight of meaning, 0...1; words have the rest.
    case weighted(dense: Double)
}
