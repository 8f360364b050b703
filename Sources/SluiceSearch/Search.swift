package import SluiceCore

/// A question to an index.
package struct SearchRequest: Sendable {
    package var text: String
    package var tenant: TenantID
    package var index: IndexName
    /// Hits wanted, 1...1,000.
    package var count: Int

    package init(text: String, tenant: TenantID = .default, index: IndexName = .default, count: Int = 10) {
        self.text = text
        self.tenant = tenant
        self.index = index
        self.count = count
    }
}

/// A chunk that fits, with where it stands.
package struct SearchHit: Sendable {
    /// From 1.
    package let rank: Int
    /// Cosine similarity, -1...1.
    package let score: Double
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
    /// True when every candidate was compared; false when the HNSW index chose them.
    package let isExact: Bool
}

/// Why a search gave nothing.
package struct SearchError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable { case noIndex, wrongModel, badRequest, moved }
    package let code: Code
    package let description: String
}
