/// How many candidates a scan of the HNSW index keeps (`hnsw.ef_search`).
enum SearchEffort {
    /// So many are enough up to here.
    static let scale = 250_000.0
    /// The most that pgvector takes.
    static let most = 1_000

    /// The same number of candidates finds the less the more vectors there are: with 384 numbers each and the default graph (m 16,
    /// ef_construction 64) a hundred found 99 % of the nearest ten among 20,000 vectors, and 91 % among a million (`sluicebench
    /// vectors`). It grows with the square root of the vectors, as the time of a scan then does.
    ///
    /// - Parameter vectors: in the table or the partition that is scanned, of all tenants there; nil when they were never counted.
    static func candidates(for request: SearchRequest, vectors: Int?) -> Int {
        // Fusion looks at more than it gives, and a filter lets few of those through that are met.
        let isWide = request.mode == .hybrid || request.filter != nil || request.principals != nil
        let growth = max(1, (Double(vectors ?? 0) / scale).squareRoot())
        return min(most, max(Int((isWide ? 200 : 100) * growth), request.pool * 2))
    }
}
