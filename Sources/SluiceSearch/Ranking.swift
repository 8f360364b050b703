internal import SluiceCore

/// The order of what was found, with how each chunk came to its place.
struct Ranking: Sendable {
    struct Entry: Sendable {
        let chunk: ChunkID
        var score: Double
        var parts = ScoreParts()
    }

    /// Best first.
    let entries: [Entry]

    /// Of the two lists, best first, the one that the mode does not ask for is empty.
    init(mode: SearchMode, fusion: FusionRule = .ranks, dense: [Found], lexical: [Found]) {
        var parts: [ChunkID: ScoreParts] = [:]
        for (place, found) in dense.enumerated() {
            parts[found.chunk, default: ScoreParts()].denseRank = place + 1
            parts[found.chunk, default: ScoreParts()].similarity = found.score
        }
        for (place, found) in lexical.enumerated() {
            parts[found.chunk, default: ScoreParts()].lexicalRank = place + 1
            parts[found.chunk, default: ScoreParts()].bm25 = found.score
        }
        let order: [(Int64, Double)] =
            switch mode {
            case .dense: dense.map { ($0.chunk.rawValue, $0.score) }
            case .bm25: lexical.map { ($0.chunk.rawValue, $0.score) }
            case .hybrid: Self.fused(fusion, dense, lexical)
            }
        entries = order.map { raw, score in
            let chunk = ChunkID(rawValue: raw)
            var known = parts[chunk] ?? ScoreParts()
            if mode == .hybrid { known.fused = score }
            return Entry(chunk: chunk, score: score, parts: known)
        }
    }

    private static func fused(_ rule: FusionRule, _ dense: [Found], _ lexical: [Found]) -> [(Int64, Double)] {
        func scored(_ list: [Found]) -> [(element: Int64, score: Double)] {
            list.map { ($0.chunk.rawValue, $0.score) }
        }
        let order =
            switch rule {
            case .ranks: Fusion.ranked([dense.map(\.chunk.rawValue), lexical.map(\.chunk.rawValue)])
            case .weighted(let weight):
                Fusion.weighted([(weight, scored(dense)), (1 - weight, scored(lexical))])
            }
        return order.map { ($0.element, $0.score) }
    }

    func prefix(_ count: Int) -> [Entry] { Array(entries.prefix(count)) }

    /// With what is to be said of them; ranks from 1.
    static func hits(_ entries: [Entry], _ places: [Place]) -> [SearchHit] {
        let known = Dictionary(places.map { ($0.chunk, $0) }) { first, _ in first }
        return entries.compactMap { entry in known[entry.chunk].map { (entry, $0) } }.enumerated()
            .map { offset, pair in
                let (entry, place) = pair
                return SearchHit(
                    rank: offset + 1,
                    score: entry.score,
                    parts: entry.parts,
                    chunk: place.chunk,
                    document: place.document,
                    uri: place.uri,
                    title: place.title,
                    pageFrom: place.pages.from,
                    pageTo: place.pages.to,
                    charFrom: place.characters.from,
                    charTo: place.characters.to,
                    headingPath: place.headingPath,
                    text: place.text
                )
            }
    }
}
