internal import SluiceCore

/// What measurements mean. Pure: the same numbers give the same verdict, whoever took them.
package struct GateJudge: Sendable {
    package let subject: GateSubject
    package let thresholds: GateThresholds

    package init(_ subject: GateSubject, _ thresholds: GateThresholds) {
        self.subject = subject
        self.thresholds = thresholds
    }

    /// All gates, in the order of `GateName`.
    package func gates(_ measured: GateMeasurements) -> [Gate] {
        let structure = measured.structure
        return [
            scope(structure), missing(structure), strays(structure), coverage(structure), soundness(structure),
            cached(structure), reembedding(measured), indexValid(structure), indexChosen(measured),
            recall(measured), golden(measured, .goldenNDCG), golden(measured, .goldenMRR), hybrid(measured),
            lexical(measured), access(measured.access), knownItems(measured), overlap(measured), latency(measured),
        ]
    }

    /// Whether an index still answers as it should: what a look at the live version wants.
    package func drift(_ measured: GateMeasurements) -> [Gate] {
        [scope(measured.structure), indexValid(measured.structure), indexChosen(measured), recall(measured)]
    }

    // MARK: - All rows

    private func scope(_ facts: StructureFacts) -> Gate {
        facts.seesAllTenants
            ? Gate(.scope, .passed, "the session sees all tenants")
            : Gate(
                .scope,
                .inconclusive,
                "the session does not see all tenants, so that what it counts is not all there is: connect as the fleet does"
            )
    }

    private func none(_ name: GateName, _ count: Int, _ what: String, figures: [GateFigure] = []) -> Gate {
        Gate(
            name,
            count == 0 ? .passed : .failed,
            measured: Double(count),
            threshold: 0,
            count == 0 ? "no \(what)" : "\(count) \(what)",
            figures: figures
        )
    }

    private func missing(_ facts: StructureFacts) -> Gate {
        let lacking = facts.tenants.filter { $0.covered < $0.chunks }
        return none(
            .missingChunks,
            lacking.reduce(0) { $0 + $1.chunks - $1.covered },
            "chunks without a vector, or gone themselves",
            figures: lacking.prefix(100).map {
                .init("missing", Double($0.chunks - $0.covered), slice: $0.tenant.rawValue)
            }
        )
    }

    private func strays(_ facts: StructureFacts) -> Gate {
        none(.strayVectors, facts.strays, "vectors that belong to no chunk of the index")
    }

    private func coverage(_ facts: StructureFacts) -> Gate {
        guard let lowest = facts.tenants.min(by: { ($0.share, $0.tenant) < ($1.share, $1.tenant) }) else {
            return Gate(
                .tenantCoverage,
                .inconclusive,
                threshold: 1,
                "the index has no chunks: nothing can be said of it"
            )
        }
        let lacking = facts.tenants.filter { $0.share < 1 }
        return Gate(
            .tenantCoverage,
            lacking.isEmpty ? .passed : .failed,
            measured: lowest.share,
            threshold: 1,
            lacking.isEmpty
                ? "all chunks of \(facts.tenants.count) tenants"
                : "\(lacking.count) of \(facts.tenants.count) tenants lack vectors, tenant '\(lowest.tenant)' "
                    + "\(lowest.chunks - lowest.covered) of \(lowest.chunks)",
            figures: lacking.prefix(100).map { .init("coverage", $0.share, slice: $0.tenant.rawValue) }
        )
    }

    private func soundness(_ facts: StructureFacts) -> Gate {
        none(
            .soundVectors,
            facts.unsound,
            "vectors that are NULL, zero, not finite, or not of dimension \(subject.version.model.dimension)"
        )
    }

    private func cached(_ facts: StructureFacts) -> Gate {
        guard facts.cacheCompared > 0 else {
            return Gate(.cachedVectors, .notApplicable, "the embedding cache holds nothing of this version's model")
        }
        return Gate(
            .cachedVectors,
            facts.cacheDiffering == 0 ? .passed : .failed,
            measured: Double(facts.cacheDiffering),
            threshold: 0,
            "\(facts.cacheDiffering) of \(facts.cacheCompared) vectors differ from what the model '"
                + "\(subject.version.model.fingerprint)' made of the same texts"
        )
    }

    private func reembedding(_ measured: GateMeasurements) -> Gate {
        switch measured.reembedded {
        case .unavailable(let why): return Gate(.reembedding, .inconclusive, threshold: thresholds.cosine, why)
        case .value(let cosines):
            guard let lowest = cosines.min() else {
                return Gate(.reembedding, .inconclusive, threshold: thresholds.cosine, "there was no text to embed")
            }
            let isNumber = cosines.allSatisfy(\.isFinite)
            let below = cosines.count { !($0 >= thresholds.cosine) }
            return Gate(
                .reembedding,
                below == 0 ? .passed : .failed,
                measured: isNumber ? lowest : nil,
                threshold: thresholds.cosine,
                below == 0
                    ? "\(cosines.count) texts embedded anew give the stored vectors"
                    : "of \(cosines.count) texts embedded anew with '\(subject.version.model.fingerprint)', \(below) give "
                        + "other vectors than are stored: they were made by another model or of another text",
                figures: isNumber ? [.init("mean", GateStatistics.mean(cosines))] : []
            )
        }
    }

    // MARK: - The index

    private func indexValid(_ facts: StructureFacts) -> Gate {
        let isValid = facts.isIndexValid == true
        return Gate(
            .indexValid,
            isValid ? .passed : .failed,
            measured: isValid ? 1 : 0,
            threshold: 1,
            isValid
                ? "the HNSW index is valid"
                : facts.isIndexValid == nil
                    ? "there is no HNSW index" : "the HNSW index is not valid: it must be built again"
        )
    }

    private func indexChosen(_ measured: GateMeasurements) -> Gate {
        switch measured.isIndexChosen {
        case true?: Gate(.indexChosen, .passed, measured: 1, threshold: 1, "PostgreSQL plans with the HNSW index")
        case false?:
            Gate(
                .indexChosen,
                .failed,
                measured: 0,
                threshold: 1,
                "PostgreSQL does not plan with the HNSW index: run ANALYZE, and look at workerctl search --explain"
            )
        case nil:
            Gate(.indexChosen, .notApplicable, "every tenant is small enough to be searched by comparing everything")
        }
    }
}
