/// What embeds: equal fingerprints make equal vectors.
package struct ModelIdentity: Hashable, Sendable {
    package let fingerprint: String
    /// 1...4,000, what a halfvec HNSW index takes.
    package let dimension: Int

    package init(fingerprint: String, dimension: Int) {
        self.fingerprint = fingerprint
        self.dimension = dimension
    }
}
