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
    /// Hits wanted, 1...1,000.
    package var count: Int
    package var mode: SearchMode

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
}

/// A chunk that fits, with where it stands.
package struct SearchHit: Sendable {
    /// From 1.
    package let rank: Int
    /// Dense: cosine similarity, -1...1. BM25: 0 and up, comparable within one answer only. Hybrid: the sum over both lists of
    /// 1 / (60 + rank).
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
}

/// Why a search gave nothing.
package struct SearchError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable { case noIndex, noVersion, wrongModel, badRequest, moved }
    package let code: Code
    package let description: String
}
