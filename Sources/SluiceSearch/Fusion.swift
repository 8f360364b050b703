/// Reciprocal rank fusion: lists whose scores cannot be compared, made into one.
package enum Fusion {
    /// So that the first few ranks differ little.
    package static let k = 60.0

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
        return scores.map { (element: $0.key, score: $0.value) }
            .sorted { ($1.score, $0.element) < ($0.score, $1.element) }
    }
}
