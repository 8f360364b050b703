internal import SluiceCore

extension SearchRequest {
    /// How many of the ranking are looked at more closely.
    var pool: Int {
        let picks = recency != nil || diversity != nil || perDocument != nil
        let wanted = picks ? min(1_000, max(100, count * 5)) : count
        return max(wanted, rerank ?? 0)
    }

    /// - Throws: what cannot be answered, whatever the index.
    func check() throws(SearchError) {
        func refuse(_ why: String) -> SearchError { SearchError(code: .badRequest, description: why) }
        guard (1...1_000).contains(count) else {
            throw refuse("between 1 and 1000 hits can be asked for, not \(count)")
        }
        guard vector != nil && mode == .dense || text.unicodeScalars.contains(where: { !$0.properties.isWhitespace })
        else { throw refuse("the question is empty") }
        guard !text.unicodeScalars.contains("\0") else {
            throw refuse("the question has a NUL character, which no text has")
        }
        guard vector?.allSatisfy(\.isFinite) ?? true else {
            throw refuse("the question's vector has a number that is not finite")
        }
        do { try filter?.check() } catch { throw refuse(error.description) }
        guard (principals ?? []).count <= 1_000,
            !(principals ?? []).contains(where: { $0.unicodeScalars.contains("\0") })
        else { throw refuse("1000 principals at most can ask, with no NUL character in their names") }
        guard (1...200).contains(rerank ?? 1) else { throw refuse("between 1 and 200 hits can be reranked") }
        guard (1...1_000).contains(perDocument ?? 1) else {
            throw refuse("between 1 and 1000 hits of a document can be asked for")
        }
        guard (0...1).contains(diversity ?? 1) else { throw refuse("the weight of relevance lies between 0 and 1") }
        if case .weighted(let weight) = fusion, !(0...1).contains(weight) {
            throw refuse("the weight of meaning lies between 0 and 1")
        }
        if let recency, !(recency.halfLife > 0 && recency.halfLife.isFinite && (0...1).contains(recency.weight)) {
            throw refuse("recency wants a half-life above 0 and a weight between 0 and 1")
        }
    }
}
