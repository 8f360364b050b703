package import SluiceCore

/// The version that is measured, and the live one beside it, as the registry has them in one snapshot.
package struct GateSubject: Sendable {
    package struct Version: Sendable, Equatable {
        package let id: IndexVersionID
        package let number: Int
        package let model: ModelIdentity
        package let chunker: String

        package init(id: IndexVersionID, number: Int, model: ModelIdentity, chunker: String) {
            self.id = id
            self.number = number
            self.model = model
            self.chunker = chunker
        }
    }

    package let index: IndexID
    package let name: IndexName
    package let version: Version
    /// What it is compared with: by default the live version. Nil when that is the version itself, or there is none.
    package let other: Version?
    package let epoch: Int64

    package init(index: IndexID, name: IndexName, version: Version, other: Version?, epoch: Int64) {
        self.index = index
        self.name = name
        self.version = version
        self.other = other
        self.epoch = epoch
    }

    package var isSameModel: Bool { other.map { $0.model == version.model } ?? false }
    package var isSameChunker: Bool { other.map { $0.chunker == version.chunker } ?? false }
}

/// How much of a tenant's text the version holds.
package struct TenantCoverage: Sendable, Equatable {
    package let tenant: TenantID
    package let chunks: Int
    /// Of these, with a vector of their text.
    package let covered: Int

    package init(tenant: TenantID, chunks: Int, covered: Int) {
        self.tenant = tenant
        self.chunks = chunks
        self.covered = covered
    }

    package var share: Double { chunks == 0 ? 1 : Double(covered) / Double(chunks) }
}

/// What one look at all rows of the version gives, in one snapshot.
package struct StructureFacts: Sendable, Equatable {
    package var seesAllTenants: Bool
    package var tenants: [TenantCoverage]
    package var vectors: Int
    package var strays: Int
    /// NULL, zero, not finite, or of another dimension.
    package var unsound: Int
    /// Vectors whose text the embedding cache has for the version's model, of a sample; and how many of them differ.
    package var cacheCompared: Int
    package var cacheDiffering: Int
    /// Nil when there is no HNSW index.
    package var isIndexValid: Bool?

    package init(
        seesAllTenants: Bool,
        tenants: [TenantCoverage],
        vectors: Int,
        strays: Int,
        unsound: Int,
        cacheCompared: Int,
        cacheDiffering: Int,
        isIndexValid: Bool?
    ) {
        self.seesAllTenants = seesAllTenants
        self.tenants = tenants
        self.vectors = vectors
        self.strays = strays
        self.unsound = unsound
        self.cacheCompared = cacheCompared
        self.cacheDiffering = cacheDiffering
        self.isIndexValid = isIndexValid
    }
}

/// A chunk taken at random, with what the version holds for it.
package struct SampledChunk: Sendable {
    package let chunk: ChunkID
    package let tenant: TenantID
    package let text: String
    package let vector: [Float]

    package init(chunk: ChunkID, tenant: TenantID, text: String, vector: [Float]) {
        self.chunk = chunk
        self.tenant = tenant
        self.text = text
        self.vector = vector
    }
}

/// How one sampled question was answered.
package struct RecallSample: Sendable, Equatable {
    package let tenant: TenantID
    /// Hits as near as those of comparing everything, of `wanted`.
    package let right: Int
    package let wanted: Int
    /// True when the reader compared everything itself.
    package let isExact: Bool
    /// True of a question that a reader once asked; else it was drawn from the corpus.
    package let isLogged: Bool

    package init(tenant: TenantID, right: Int, wanted: Int, isExact: Bool, isLogged: Bool = false) {
        self.isLogged = isLogged
        self.tenant = tenant
        self.right = right
        self.wanted = wanted
        self.isExact = isExact
    }

    package var recall: Double { wanted == 0 ? 1 : Double(right) / Double(wanted) }
}

/// How well one question with a known answer was answered by the version and by the one it is compared with.
package struct QualitySample: Sendable, Equatable {
    package struct Scores: Sendable, Equatable {
        package let ndcg: Double
        package let reciprocalRank: Double

        package init(ndcg: Double, reciprocalRank: Double) {
            self.ndcg = ndcg
            self.reciprocalRank = reciprocalRank
        }
    }

    package let slice: String
    package let version: Scores
    /// Nil where there is nothing to compare with.
    package let other: Scores?

    package init(slice: String, version: Scores, other: Scores?) {
        self.slice = slice
        self.version = version
        self.other = other
    }
}

/// A document that not everyone may find, with the text and the vector of a chunk of it.
package struct RestrictedDocument: Sendable {
    package let document: DocumentID
    package let tenant: TenantID
    /// Empty: nobody.
    package let principals: [String]
    package let text: String
    package let vector: [Float]

    package init(
        document: DocumentID,
        tenant: TenantID,
        principals: [String],
        text: String,
        vector: [Float]
    ) {
        self.document = document
        self.tenant = tenant
        self.principals = principals
        self.text = text
        self.vector = vector
    }
}

/// What came of asking for restricted documents, as somebody who may not find them, and as somebody who may.
package struct AccessFacts: Sendable, Equatable {
    /// Documents that were asked for.
    package var documents = 0
    /// There are some, but the version has no chunk of any.
    package var isLost = false
    /// Searches as somebody who may not find the document.
    package var strangers = 0
    /// Hits of any search whose document may not be found by the one who asked.
    package var forbidden = 0
    /// Searches as somebody who may find the document, and how many of these found it.
    package var readers = 0
    package var found = 0

    package init() {}
}

/// Something that was measured, or why it could not be.
package enum Measured<Value: Sendable>: Sendable {
    case value(Value)
    case unavailable(String)
}

/// Everything that was measured of a version in one run.
package struct GateMeasurements: Sendable {
    package var structure: StructureFacts
    /// Cosines of stored vectors and the same texts embedded anew.
    package var reembedded: Measured<[Double]> = .unavailable("nothing was embedded")
    /// True: the plan of a large tenant's search uses the HNSW index. Nil: no tenant is large enough to be searched by it.
    package var isIndexChosen: Bool?
    package var recall: [RecallSample] = []
    /// True when no tenant is searched by the index yet, and the largest was asked through it all the same.
    package var isRecallForced = false
    package var golden: Measured<[QualitySample]> = .value([])
    package var hybrid: Measured<[QualitySample]> = .value([])
    package var lexical: Measured<[QualitySample]> = .value([])
    package var access = AccessFacts()
    package var known: Measured<[QualitySample]> = .value([])
    /// Shares of the other version's hits that the version gave too.
    package var overlap: [Double] = []
    /// Of these, how many are of questions that readers once asked.
    package var loggedOverlap = 0
    /// Milliseconds.
    package var latency: [Double] = []
    package var otherLatency: [Double] = []

    package init(structure: StructureFacts) { self.structure = structure }
}
