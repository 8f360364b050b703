internal import Glibc

/// The little statistics that gates need.
package enum GateStatistics {
    /// One-sided, 95 %.
    package static let z = 1.645

    /// Wilson's score interval of a share, 0...1. Source: Wilson 1927; holds near 0 and 1 too, unlike the normal one.
    ///
    /// - Parameters:
    ///   - share: of the trials, 0...1.
    ///   - trials: above 0; need not be whole.
    package static func wilson(_ share: Double, trials: Double, z: Double = z) -> ClosedRange<Double> {
        guard trials > 0 else { return 0...1 }
        let square = z * z
        let middle = share + square / (2 * trials)
        let spread = z * (share * (1 - share) / trials + square / (4 * trials * trials)).squareRoot()
        let divisor = 1 + square / trials
        return max(0, (middle - spread) / divisor)...min(1, max(0, (middle + spread) / divisor))
    }

    /// The interval of a mean share, each of several questions giving its own share of `perQuestion` trials.
    ///
    /// Hits of one question go together (a hard question misses several), so the trials are worth as many independent ones as the
    /// variance between questions says, at most all and at least one a question… unless every question gave the same.
    package static func wilson(shares: [Double], perQuestion: Int, z: Double = z) -> ClosedRange<Double> {
        guard !shares.isEmpty else { return 0...1 }
        let count = Double(shares.count)
        let mean = mean(shares)
        let variance = deviation(shares) * deviation(shares) / count
        let all = count * Double(perQuestion)
        let worth = variance > 0 ? mean * (1 - mean) / variance : all
        return wilson(mean, trials: min(all, max(count, worth)), z: z)
    }

    package static func mean(_ values: [Double]) -> Double {
        values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
    }

    /// The sample's standard deviation; 0 for fewer than two.
    package static func deviation(_ values: [Double]) -> Double {
        guard values.count > 1 else { return 0 }
        let middle = mean(values)
        return (values.reduce(0) { $0 + ($1 - middle) * ($1 - middle) } / Double(values.count - 1)).squareRoot()
    }

    /// What a mean is at most, one-sided 95 %.
    package static func upperBound(_ values: [Double]) -> Double {
        guard values.count > 1 else { return .infinity }
        return mean(values) + z * deviation(values) / Double(values.count).squareRoot()
    }

    /// By nearest rank; nil of nothing.
    package static func quantile(_ values: [Double], _ part: Double) -> Double? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        return sorted[min(sorted.count - 1, max(0, Int((part * Double(sorted.count)).rounded(.up)) - 1))]
    }

    /// Divides `count` among parts by size; whoever has anything gets one while there are enough, the largest first.
    package static func shares(of count: Int, among sizes: [Int]) -> [Int] {
        var result = sizes.map { _ in 0 }
        let order = sizes.indices.filter { sizes[$0] > 0 }.sorted { (-sizes[$0], $0) < (-sizes[$1], $1) }
        for index in order.prefix(max(0, count)) { result[index] = 1 }
        let rest = count - min(max(0, count), order.count)
        let total = sizes.reduce(0, +)
        guard rest > 0, total > 0 else { return result }
        // Largest remainders, as parliaments' seats are divided.
        let exact = sizes.map { Double($0) * Double(rest) / Double(total) }
        for index in exact.indices { result[index] += Int(exact[index]) }
        let left = rest - exact.reduce(0) { $0 + Int($1) }
        let byRemainder = order.sorted {
            let (first, second) = (exact[$0] - exact[$0].rounded(.down), exact[$1] - exact[$1].rounded(.down))
            return first != second ? first > second : $0 < $1
        }
        for offset in 0..<max(0, left) { result[byRemainder[offset % byRemainder.count]] += 1 }
        return result
    }
}

/// Random numbers that a run can repeat from its seed. SplitMix64, Steele et al. 2014.
package struct SampleGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A vector near `vector`, of unit length: noise of `spread` times its length is added, evenly in all directions.
    package mutating func near(_ vector: [Float], spread: Float) -> [Float] {
        guard !vector.isEmpty else { return [] }
        let scale = spread * length(vector) / Float(vector.count).squareRoot()
        let moved = vector.map { $0 + scale * Float(normal()) }
        let size = length(moved)
        return size > 0 && size.isFinite ? moved.map { $0 / size } : vector
    }

    /// Box and Muller 1958.
    private mutating func normal() -> Double {
        let first = Double.random(in: Double.leastNonzeroMagnitude..<1, using: &self)
        let second = Double.random(in: 0..<1, using: &self)
        return (-2 * log(first)).squareRoot() * cos(2 * .pi * second)
    }

    private func length(_ vector: [Float]) -> Float { vector.reduce(0) { $0 + $1 * $1 }.squareRoot() }
}

/// Picks a sentence of a chunk, to be asked as a question.
package enum SentencePicker {
    /// A sentence of 5 to 40 words, or the longest run of up to 40 words there is; of a script without blanks between words one of
    /// 8 to 80 characters. Nil for texts with fewer than 3 words, or 4 such characters.
    package static func sentence(of text: String, using random: inout SampleGenerator) -> String? {
        let parts = text.split { ".!?\n。！？；".unicodeScalars.contains($0.unicodeScalars.first ?? " ") }
        let dense = parts.filter { isDense($0) && $0.count >= 8 }
        if let chosen = dense.randomElement(using: &random) { return String(chosen.prefix(80)) }
        if isDense(text[...]) { return text.count < 4 ? nil : String(text.prefix(80)) }
        let sentences = parts.map { $0.split(whereSeparator: \.isWhitespace).prefix(40) }
        let fitting = sentences.filter { $0.count >= 5 }
        if let chosen = fitting.randomElement(using: &random) { return chosen.joined(separator: " ") }
        let words = text.split(whereSeparator: \.isWhitespace)
        return words.count < 3 ? nil : words.prefix(40).joined(separator: " ")
    }

    /// True when most of it is of Chinese, Japanese, Thai and their like, which write no blanks between words.
    private static func isDense(_ text: Substring) -> Bool {
        let scalars = text.unicodeScalars
        let dense = scalars.count { (0x2E80...0xD7A3).contains($0.value) || (0x0E00...0x0EFF).contains($0.value) }
        return dense * 2 > scalars.count
    }
}
