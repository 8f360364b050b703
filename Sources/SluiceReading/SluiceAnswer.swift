internal import SluiceCore
internal import SluiceSearch

/// What an index answered.
public struct SluiceAnswer: Sendable {
    /// The number of the version that answered, and the registry's epoch then, which every swap raises.
    public let version: Int
    public let epoch: Int64
    /// Best first.
    public let hits: [SluiceHit]

    init(_ result: SearchResult) {
        version = result.version
        epoch = result.epoch
        hits = result.hits.map { SluiceHit($0) }
    }
}

/// A chunk that answers, and where it stands.
public struct SluiceHit: Sendable {
    /// From 1.
    public let rank: Int
    /// Dense: cosine similarity, -1...1. BM25: 0 and up. Hybrid: the sum over both lists of 1 / (60 + rank).
    public let score: Double
    public let uri: String
    public let title: String?
    /// 1-based and inclusive; nil for formats without pages.
    public let pages: ClosedRange<Int>?
    /// In Unicode scalars of the document's text.
    public let characters: Range<Int>
    public let headingPath: [String]
    public let text: String

    init(_ hit: SearchHit) {
        rank = hit.rank
        score = hit.score
        uri = hit.uri
        title = hit.title
        pages = hit.pageFrom.flatMap { from in hit.pageTo.map { from...max(from, $0) } }
        characters = hit.charFrom..<max(hit.charFrom, hit.charTo)
        headingPath = hit.headingPath
        text = hit.text
    }
}
