/// How many candidates a scan of the HNSW index keeps (`hnsw.ef_search`).
enum SearchEffort {
    /// So many are enough up to here.
    static let scale = 100_000.0
    /// The most that pgvector takes.
    static let most = 1_000
    /// A filter wants so many at least: where one in thirty may answer, twenty are among them, as many as a search for ten follows. To
    /// go on with a scan that had too few costs several times what a longer one costs.
    static let filtered = 600

    /// The same number of candidates finds the less the more vectors there are: with 384 numbers each and the default graph (m 16,
    /// ef_construction 64) a hundred found 99 % of the nearest ten among 20,000 vectors, and 91 % among a million, where five
    /// hundred found 97 % and no more found much more (`sluicebench vectors`). It grows with the square root of the vectors, as the
    /// time of a scan then does.
    ///
    /// - Parameter vectors: that the scan passes among, of whatever tenant; nil when they were never counted.
    static func candidates(for request: SearchRequest, vectors: Int?) -> Int {
        let growth = max(1, (Double(vectors ?? 0) / scale).squareRoot())
        let isFiltered = request.filter != nil || request.principals != nil
        // Fusion looks at more than it gives.
        let isHybrid = request.mode == .hybrid
        let wanted = (isFiltered ? 250 : isHybrid ? 200 : 165) * growth
        let least = isFiltered ? (isHybrid ? most : filtered) : 0
        return min(most, max(Int(wanted), least, request.pool * 2))
    }
}
