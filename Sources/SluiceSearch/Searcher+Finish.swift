internal import SluiceCore
internal import SluiceInference

extension Searcher {
    /// Judges anew, prefers what is recent, and picks, as far as that was asked for. Outside of any transaction: a reranker takes
    /// its time.
    func finish(_ draft: Draft, _ request: SearchRequest) async throws -> SearchResult {
        var draft = draft
        let places = Dictionary(draft.places.map { ($0.chunk, $0) }) { first, _ in first }
        draft.entries.removeAll { places[$0.chunk] == nil }
        if let count = request.rerank, let reranker {
            try await rerank(&draft, places, request.text, count, reranker)
        }
        if let recency = request.recency {
            let relevance = Fusion.normalised(draft.entries.map(\.score))
            for (place, relevance) in relevance.enumerated() {
                let age = places[draft.entries[place].chunk]?.age
                draft.entries[place].parts.freshness = recency.freshness(age: age)
                draft.entries[place].score = recency.boosted(relevance, age: age)
            }
            draft.entries.sort { ($1.score, $0.chunk.rawValue) < ($0.score, $1.chunk.rawValue) }
        }
        let picked = pick(draft, places, request)
        return SearchResult(
            index: request.index,
            version: draft.pointer.number,
            epoch: draft.pointer.epoch,
            hits: Ranking.hits(picked, draft.places),
            mode: request.mode,
            isExact: draft.isExact,
            trace: draft.trace
        )
    }

    private func rerank(
        _ draft: inout Draft,
        _ places: [ChunkID: Place],
        _ question: String,
        _ count: Int,
        _ reranker: any Reranker
    ) async throws {
        let first = draft.entries.prefix(count)
        let scores = try await reranker.scores(question, first.map { places[$0.chunk]?.text ?? "" })
        guard scores.count == first.count, scores.allSatisfy(\.isFinite) else {
            throw InferenceError.runtime(operation: "rerank", reason: "\(reranker.name) gave no score for each passage")
        }
        let behind = draft.entries.dropFirst(count)
        draft.entries = zip(first, scores).map { entry, score in
            var entry = entry
            entry.parts.reranked = Double(score)
            entry.score = Double(score)
            return entry
        }
        // Of equals who stood before stands before.
        let order = draft.entries.indices.sorted { (-draft.entries[$0].score, $0) < (-draft.entries[$1].score, $1) }
        draft.entries = order.map { draft.entries[$0] }
        draft.trace.reranker = reranker.name
        draft.trace.reranked = draft.entries.count
        // What was not shown to it follows in its own order. Its scores are of another kind: they are moved below the last of these,
        // with the distances that they had.
        guard let last = draft.entries.last?.score, let best = behind.first?.score else { return }
        draft.entries += behind.map { entry in
            var entry = entry
            entry.score = last - (best - entry.score)
            return entry
        }
    }

    private func pick(_ draft: Draft, _ places: [ChunkID: Place], _ request: SearchRequest) -> [Ranking.Entry] {
        let entries = draft.entries
        let documents = entries.map { places[$0.chunk]?.document }
        let perDocument = request.perDocument ?? .max
        guard let weight = request.diversity else {
            return Picking.capped(documents, perGroup: perDocument, count: request.count).map { entries[$0] }
        }
        let vectors = entries.map { draft.vectors[$0.chunk] ?? [] }
        return Picking.diverse(
            Fusion.normalised(entries.map(\.score)),
            groups: documents,
            perGroup: perDocument,
            weight: weight,
            count: request.count
        ) {
            Picking.cosine(vectors[$0], vectors[$1])
        }
        .map { place, likeness in
            var entry = entries[place]
            entry.parts.likeness = likeness
            return entry
        }
    }
}
