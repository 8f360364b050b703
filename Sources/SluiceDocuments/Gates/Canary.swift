internal import Glibc
package import SluiceCore

/// By what an index's questions are divided between a canary and the live version. Raw values are stored and typed.
package enum CanaryShare: String, Sendable, CaseIterable {
    /// A tenant's questions all go to the same version.
    case tenant
    /// The same question goes to the same version.
    case question

    /// The place of a text among a hundred, the same in every process.
    package static func place(of text: String) -> Int {
        // FNV-1a, and its high bits, which mix better than its low ones.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let mixed = (hash ^ (hash >> 29)) &* 0xBF58_476D_1CE4_E5B9
        return Int((mixed >> 33) % 100)
    }
}

/// What readers saw of one version.
package struct CanaryCounts: Sendable, Equatable {
    package var searches = 0
    package var errors = 0
    /// Answers without a hit.
    package var empty = 0
    /// Searches by how long they took: place n counts those below 1.3^(n+1) milliseconds.
    package var waits = [Int](repeating: 0, count: places)

    package static let places = 40
    private static let ratio = 1.3

    package init() {}

    package init(searches: Int, errors: Int, empty: Int, waits: [Int]) {
        self.searches = searches
        self.errors = errors
        self.empty = empty
        self.waits = waits
    }

    package mutating func add(milliseconds: Double, isEmpty: Bool) {
        searches += 1
        if isEmpty { empty += 1 }
        let place = milliseconds > 1 ? Int(log(min(milliseconds, 1e9)) / log(Self.ratio)) : 0
        waits[min(Self.places - 1, max(0, place))] += 1
    }

    package mutating func addError() {
        searches += 1
        errors += 1
    }

    /// At most so many milliseconds for 95 of a hundred, at most 30 % too high; nil of none.
    package var p95: Double? {
        let total = waits.reduce(0, +)
        guard total > 0 else { return nil }
        var seen = 0
        for (place, count) in waits.enumerated() {
            seen += count
            if Double(seen) >= 0.95 * Double(total) { return pow(Self.ratio, Double(place + 1)) }
        }
        return nil
    }
}

/// When a canary is ended by itself.
package enum CanaryJudge {
    /// Searches of the canary before anything is concluded.
    package static let least = 50

    /// Why the canary must end; nil: it may go on.
    ///
    /// - Parameter limit: milliseconds, of the index's gates; stands for the live version's p95 while that has answered too little to
    ///   compare with, as it does when all questions are the canary's.
    package static func breach(_ canary: CanaryCounts, live: CanaryCounts, limit: Double) -> String? {
        guard canary.searches >= least else { return nil }
        func share(_ count: Int, _ counts: CanaryCounts) -> Double {
            counts.searches == 0 ? 0 : Double(count) / Double(counts.searches)
        }
        let (errors, liveErrors) = (share(canary.errors, canary), share(live.errors, live))
        // Chance must not explain it: a single failure of fifty is no breach.
        if errors > liveErrors + 0.01,
            GateStatistics.wilson(errors, trials: Double(canary.searches)).lowerBound > liveErrors
                && canary.errors > 1
        {
            return "\(canary.errors) of \(canary.searches) searches failed"
        }
        let (empty, liveEmpty) = (share(canary.empty, canary), share(live.empty, live))
        if GateStatistics.wilson(empty, trials: Double(canary.searches)).lowerBound > liveEmpty + 0.05 {
            return "\(canary.empty) of \(canary.searches) answers were empty, of the live version \(live.empty) of "
                + "\(live.searches)"
        }
        guard let p95 = canary.p95 else { return nil }
        if let other = live.p95, live.searches >= least {
            return p95 > other * 2 + 10 ? "its p95 is \(Int(p95)) ms, the live version's \(Int(other)) ms" : nil
        }
        return p95 > limit * 2 + 10 ? "its p95 is \(Int(p95)) ms, and the gates allow \(Int(limit)) ms" : nil
    }
}

/// A canary as operators see it.
package struct CanaryRecord: Sendable {
    package let index: IndexName
    /// The version's number.
    package let number: Int
    package let percent: Int
    package let share: CanaryShare
    /// Microseconds since 1970-01-01 UTC.
    package let startedAt: Int64
    /// False when its version is no longer ready: swapped in, failed or aborted.
    package let isActive: Bool
    package let counts: CanaryCounts
    package let live: CanaryCounts

    package init(
        index: IndexName,
        number: Int,
        percent: Int,
        share: CanaryShare,
        startedAt: Int64,
        isActive: Bool,
        counts: CanaryCounts,
        live: CanaryCounts
    ) {
        self.index = index
        self.number = number
        self.percent = percent
        self.share = share
        self.startedAt = startedAt
        self.isActive = isActive
        self.counts = counts
        self.live = live
    }
}
