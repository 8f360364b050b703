internal import Glibc

/// What is recent counts for more.
package struct Recency: Sendable, Equatable {
    /// After this many seconds half of it is gone.
    package var halfLife: Double
    /// How much it counts beside relevance, 0...1.
    package var weight: Double

    package init(halfLife: Double, weight: Double = 0.3) {
        self.halfLife = halfLife
        self.weight = weight
    }

    /// 1 for what is of now (or of the future), 0 for what is as old as can be, or of no known time.
    package func freshness(age: Double?) -> Double {
        guard let age else { return 0 }
        return exp2(-max(0, age) / halfLife)
    }

    /// - Parameter relevance: 0...1.
    /// - Returns: 0...1.
    package func boosted(_ relevance: Double, age: Double?) -> Double {
        relevance * (1 - weight) + freshness(age: age) * weight
    }
}

/// Picks from candidates, best first.
package enum Picking {
    /// The first `count`, no more than `perGroup` of one group. Places in the list, ascending.
    package static func capped<Group: Hashable>(_ groups: [Group], perGroup: Int, count: Int) -> [Int] {
        var taken: [Group: Int] = [:]
        var picked: [Int] = []
        for (place, group) in groups.enumerated() where picked.count < count && taken[group, default: 0] < perGroup {
            taken[group, default: 0] += 1
            picked.append(place)
        }
        return picked
    }

    /// Maximal marginal relevance: each next one is relevant and unlike those before it.
    ///
    /// - Parameters:
    ///   - relevance: of each candidate, 0...1.
    ///   - groups: of each candidate; no more than `perGroup` of one are picked.
    ///   - weight: of relevance, 0...1; 1 picks by relevance alone. Ties go to the earlier candidate.
    ///   - similarity: of two candidates by their places, at most 1.
    /// - Returns: places in the list, in the order of picking, and how alike each is to the most alike before it.
    package static func diverse<Group: Hashable>(
        _ relevance: [Double],
        groups: [Group],
        perGroup: Int,
        weight: Double,
        count: Int,
        similarity: (Int, Int) -> Double
    ) -> [(place: Int, likeness: Double)] {
        var picked: [(place: Int, likeness: Double)] = []
        var taken: [Group: Int] = [:]
        var left = Array(relevance.indices)
        // Of each candidate the likeness to the most alike picked one; nothing picked is like nothing.
        var likeness = [Double](repeating: 0, count: relevance.count)
        while picked.count < count {
            left.removeAll { taken[groups[$0], default: 0] >= perGroup }
            func merit(_ place: Int) -> Double { weight * relevance[place] - (1 - weight) * likeness[place] }
            // `max` takes the first of equals.
            guard let best = left.max(by: { merit($0) < merit($1) }) else { break }
            picked.append((best, likeness[best]))
            taken[groups[best], default: 0] += 1
            left.removeAll { $0 == best }
            for place in left {
                let like = similarity(best, place)
                likeness[place] = picked.count == 1 ? like : max(likeness[place], like)
            }
        }
        return picked
    }

    /// The cosine of two vectors; 0 when one has no length.
    package static func cosine(_ left: [Float], _ right: [Float]) -> Double {
        var (dot, one, two): (Float, Float, Float) = (0, 0, 0)
        for (a, b) in zip(left, right) {
            dot += a * b
            one += a * a
            two += b * b
        }
        let length = (Double(one) * Double(two)).squareRoot()
        return length > 0 ? Double(dot) / length : 0
    }
}
