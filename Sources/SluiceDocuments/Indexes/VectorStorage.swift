/// How an index version stores its vectors. Raw values are PostgreSQL's names of the types.
package enum VectorStorage: String, Sendable, CaseIterable, Codable {
    /// 16 bits a number: half the size, and no measurable loss for vectors of unit length.
    case halfvec
    /// 32 bits a number.
    case vector

    /// The most numbers of a vector that an HNSW index takes.
    package var maxDimension: Int {
        switch self {
        case .halfvec: 4_000
        case .vector: 2_000
        }
    }

    /// Bytes of one vector.
    package func bytes(_ dimension: Int) -> Int {
        switch self {
        case .halfvec: 8 + dimension * 2
        case .vector: 8 + dimension * 4
        }
    }
}
