package import SluiceCore

/// By what chunks are found.
package enum SearchMode: String, Sendable, CaseIterable {
    /// By meaning: the cosine similarity of vectors.
    case dense
    /// By words, rare ones first.
    case bm25
    /// By both, fused by rank.
    case hybrid
}

/// How the nearest vectors are found.
package enum SearchMethod: String, Sendable, CaseIterable {
    /// By comparing all where that is as fast, else by the HNSW index.
    case automatic
    /// By comparing all: nothing is missed.
    case exact
    /// By the HNSW index where there is one, whatever comes back: for those who measure it.
    case index
}

/// A question to an index.
package struct SearchRequest: Sendable {
    package var text: String
    package var tenant: TenantID
    package var index: IndexName
    /// The number of the version that is asked: any that has its table. Nil: the live one.
    package var version: Int?
    /// The question as a vector, where it is known already: no model is asked, and that the vector is one of the version's model
    /// is the caller's affair. Nil: the version's model makes it of the text.
    package var vector: [Float]?
    package var method = SearchMethod.automatic
    /// Where it falls, should the index have a canary; nil: not to it.
    var canary: CanaryDraw?
    /// Only documents that match may answer.
    package var filter: Filter?
    /// Only documents that everyone, or one of these, may find. Nil: no matter who may, for operators and for gates; applications
    /// that ask for somebody give at least an empty list.
    package var principals: [String]?
    /// Hits wanted, 1...1,000.
    package var count: Int
    package var mode: SearchMode

    /// How hybrid search makes one list of two.
    package var fusion = FusionRule.ranks
    /// So many of the first are judged anew by the reranker, 1...200; what is behind them follows as it was. Nil: none.
    package var rerank: Int?
    package var recency: Recency?
    /// Hits should be unlike each other: the weight of relevance beside that, 0...1. Nil: relevance alone counts.
    package var diversity: Double?
    /// Hits of one document at most.
    package var perDocument: Int?
    /// Whether the trace shall have PostgreSQL's plan.
    package var explains = false

    package init(
        text: String,
        tenant: TenantID = .default,
        index: IndexName = .default,
        version: Int? = nil,
        count: Int = 10,
        mode: SearchMode = .hybrid
    ) {
        self.text = text
        self.tenant = tenant
        self.index = index
        self.version = version
        self.count = count
        self.mode = mode
    }
}

/// How a hit came to its score.
package struct ScoreParts: Sendable, Equatable {
    /// Its place among the nearest vectors, from 1, and the cosine similarity; nil when it was not near enough, or not asked.
    package var denseRank: Int?
    package var similarity: Double?
    /// Its place by words, from 1, and the BM25 score; nil when it was not among the first, or not asked.
    package var lexicalRank: Int?
    package var bm25: Double?
    /// Of hybrid search: what the fusion of the lists gave.
    package var fused: Double?
    /// What the reranker said.
    package var reranked: Double?
    /// How recent it is, 0...1.
    package var freshness: Double?
    /// How alike it is to the most alike hit before it, at most 1.
    package var likeness: Double?
}

/// A chunk that fits, with where it stands.
package struct SearchHit: Sendable {
    /// From 1.
    package let rank: Int
    /// Dense: cosine similarity, -1...1. BM25: 0 and up, comparable within one answer only. Hybrid: the sum over both lists of
    /// 1 / (60 + rank), or of weighted scores. Of what was reranked, what the reranker said; with recency, 0...1 among what was looked
    /// at. With diversity hits are not in the order of their scores.
    package let score: Double
    package let parts: ScoreParts
    package let chunk: ChunkID
    package let document: DocumentID
    package let uri: String
    package let title: String?
    /// 1-based and inclusive; nil for formats without pages.
    package let pageFrom: Int?
    package let pageTo: Int?
    /// Half-open, in Unicode scalars of the document's text.
    package let charFrom: Int
    package let charTo: Int
    package let headingPath: [String]
    package let text: String
}

package struct SearchResult: Sendable {
    package let index: IndexName
    /// The index version that answered, and the registry's epoch at that moment.
    package let version: Int
    package let epoch: Int64
    package let hits: [SearchHit]
    package let mode: SearchMode
    /// True when every vector was compared; false when the HNSW index chose them.
    package let isExact: Bool
    package let trace: SearchTrace
}

/// How an answer was come by.
package struct SearchTrace: Sendable, Equatable {
    /// Chunks that match filter and principals, where they were so few that each was looked at.
    package var matching: Int?
    /// The HNSW index gave up before it had enough, and all were compared after all.
    package var fellBack = false
    /// Words of the question that no chunk has, and what was asked for instead.
    package var respelled: [String: [String]] = [:]
    /// Who judged anew, and how many.
    package var reranker: String?
    package var reranked = 0
    /// How PostgreSQL finds the nearest vectors, a line a node; when asked for.
    package var plan: [String] = []
}

/// Why a search gave nothing.
package struct SearchError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable { case noIndex, noVersion, wrongModel, badRequest, moved, noReranker }
    package let code: Code
    package let description: String
}
