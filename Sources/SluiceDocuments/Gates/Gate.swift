/// What is measured of an index version before it may answer. Raw values are stored and printed.
package enum GateName: String, Sendable, CaseIterable {
    /// The measuring session sees all tenants' rows: otherwise every count below lies.
    case scope
    /// Chunks of the index without a vector of their text, and such as a set lacks that was cut anew.
    case missingChunks = "missing_chunks"
    /// Vectors without a chunk of the index, or of another text or tenant than their chunk.
    case strayVectors = "stray_vectors"
    /// The lowest share of any tenant's chunks that have a vector.
    case tenantCoverage = "tenant_coverage"
    /// Vectors that are NULL, zero, not finite, or of another dimension.
    case soundVectors = "sound_vectors"
    /// Vectors that differ from what the embedding cache holds for the version's model and the same text.
    case cachedVectors = "cached_vectors"
    /// The lowest cosine of a stored vector and what the version's model makes of the chunk's text now.
    case reembedding
    /// The HNSW index is there and valid.
    case indexValid = "index_valid"
    /// PostgreSQL's plan uses it.
    case indexChosen = "index_chosen"
    /// recall@10 of readers' answers against comparing everything; equally near hits count as right.
    case recall
    /// nDCG@10 on golden queries, less the live version's.
    case goldenNDCG = "golden_ndcg"
    /// MRR@10 on golden queries, less the live version's.
    case goldenMRR = "golden_mrr"
    /// nDCG@10 of hybrid search on golden queries, less the live version's.
    case hybridNDCG = "hybrid_ndcg"
    /// nDCG@10 of search by words on golden queries, less the live version's; where the version has other chunks.
    case lexicalNDCG = "lexical_ndcg"
    /// Documents that somebody was given who may not find them.
    case access
    /// MRR@10 of finding the chunk that a sentence was taken from, less the live version's.
    case knownItems = "known_items"
    /// The share of the live version's ten hits that are among the version's.
    case overlap
    /// The 95th percentile of a reader's wait for ten hits, in milliseconds, the question's embedding not counted.
    case latency
}

/// How one gate came out. Raw values are stored and printed.
package enum GateOutcome: String, Sendable, CaseIterable {
    case passed
    case failed
    /// Too little was or could be measured to tell: no pass.
    case inconclusive
    /// There is nothing that it could say of this version; no hindrance.
    case notApplicable = "not_applicable"
}

/// A number of a gate's evidence, of all (`slice` nil) or of a part: a tenant, a golden query's slice.
package struct GateFigure: Sendable, Hashable {
    package let name: String
    package let slice: String?
    package let value: Double

    package init(_ name: String, _ value: Double, slice: String? = nil) {
        self.name = name
        self.slice = slice
        self.value = value
    }
}

/// One gate with its evidence.
package struct Gate: Sendable, Hashable {
    package let name: GateName
    package let outcome: GateOutcome
    /// Nil when it could not be measured.
    package let measured: Double?
    /// What it had to reach, or not to exceed; nil for gates that only report.
    package let threshold: Double?
    /// A sentence for people: what was found, or what is missing.
    package let note: String
    package let figures: [GateFigure]

    package init(
        _ name: GateName,
        _ outcome: GateOutcome,
        measured: Double? = nil,
        threshold: Double? = nil,
        _ note: String,
        figures: [GateFigure] = []
    ) {
        self.name = name
        self.outcome = outcome
        self.measured = measured
        self.threshold = threshold
        self.note = note
        self.figures = figures
    }
}

extension GateVerdict {
    /// One failed gate is a no-go, one inconclusive gate leaves the whole so; no gates say nothing.
    package init(of gates: [Gate]) {
        if gates.contains(where: { $0.outcome == .failed }) {
            self = .noGo
        } else if gates.contains(where: { $0.outcome == .inconclusive })
            || !gates.contains(where: { $0.outcome == .passed })
        {
            self = .inconclusive
        } else {
            self = .go
        }
    }
}
