/// Vectors in clusters, as those of texts are: around random directions, some near each other, most not.
struct SyntheticVectors: Sendable {
    let dimension: Int
    /// Unit vectors.
    private let centres: [[Float]]
    /// How far vectors lie from their cluster's centre, as a part of its length.
    private let spread: Float = 0.7

    init(dimension: Int, clusters: Int, seed: UInt64) {
        self.dimension = dimension
        var random = FastRandom(seed: seed)
        centres = (0..<clusters).map { _ in Self.unit((0..<dimension).map { _ in random.normal() }) }
    }

    var clusters: Int { centres.count }

    func vector(near cluster: Int, _ random: inout FastRandom) -> [Float] {
        let centre = centres[cluster]
        let noise = spread / Float(dimension).squareRoot()
        return Self.unit((0..<dimension).map { centre[$0] + noise * random.normal() })
    }

    private static func unit(_ values: [Float]) -> [Float] {
        let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return values.map { $0 / max(length, .leastNormalMagnitude) }
    }
}

/// A quick generator whose numbers are the same on every run (xorshift64*).
struct FastRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

    mutating func next() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return state &* 0x2545_F491_4F6C_DD1D
    }

    /// Nearly normal, of mean 0 and variance 1: a sum of four uniform numbers.
    mutating func normal() -> Float {
        let bits = next()
        var sum: Float = 0
        for shift in [0, 16, 32, 48] as [UInt64] { sum += Float(UInt16(truncatingIfNeeded: bits >> shift)) }
        return (sum / 65_536 - 2) * 1.732_050_8
    }
}
