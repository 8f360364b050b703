/// What the gates want of an index's versions. Stored by index; what is not stored is as here.
package struct GateThresholds: Sendable, Equatable {
    /// recall@10 against comparing everything, at least.
    package var recall = 0.95
    /// Sampled questions, at least.
    package var samples = 200.0
    /// nDCG@10 and MRR@10 may be lower than the live version's by at most this.
    package var qualityDrop = 0.02
    /// nDCG@10 of hybrid search may be lower than the live version's by at most this.
    package var hybridDrop = 0.02
    /// nDCG@10 of search by words may be lower than the live version's by at most this.
    package var lexicalDrop = 0.02
    /// Restricted documents that are asked for, at most.
    package var accessSamples = 50.0
    /// Different questions of readers that were kept, at least: with fewer none is asked.
    package var loggedQuestions = 30.0
    /// Golden queries, at least; also what a slice needs to be judged by itself.
    package var goldenQueries = 30.0
    /// 1: a version with another model than the live one's wants golden queries. 0: known items are enough.
    package var goldenRequired = 1.0
    /// Share of equal hits, at least, where the model is the live version's.
    package var overlap = 0.9
    /// Cosine of a stored vector and the same text embedded anew, at least.
    package var cosine = 0.98
    /// Milliseconds, at most.
    package var p95 = 250.0
    /// Times the live version's p95 (and 10 ms on top), at most.
    package var p95Ratio = 2.0
    /// Evidence older than this many hours is stale.
    package var evidenceHours = 24.0
    /// Evidence is stale when more than this share of the vectors has come or gone since.
    package var evidenceChange = 0.1

    package init() {}

    package struct Field: Sendable {
        /// As it is stored and typed.
        package let name: String
        package let help: String
        package let range: ClosedRange<Double>
        package let path: any WritableKeyPath<GateThresholds, Double> & Sendable
    }

    package static let fields: [Field] = [
        Field(name: "recall", help: "recall@10 against exact search, at least", range: 0...1, path: \.recall),
        Field(name: "samples", help: "sampled questions, at least", range: 20...10_000, path: \.samples),
        Field(name: "quality_drop", help: "nDCG and MRR below live, at most", range: 0...1, path: \.qualityDrop),
        Field(name: "hybrid_drop", help: "nDCG of hybrid below live, at most", range: 0...1, path: \.hybridDrop),
        Field(name: "lexical_drop", help: "nDCG by words below live, at most", range: 0...1, path: \.lexicalDrop),
        Field(
            name: "access_samples",
            help: "restricted documents asked for, at most",
            range: 1...10_000,
            path: \.accessSamples
        ),
        Field(
            name: "logged_questions",
            help: "kept questions of readers, or none are asked",
            range: 1...10_000,
            path: \.loggedQuestions
        ),
        Field(name: "golden_queries", help: "golden queries, at least", range: 1...100_000, path: \.goldenQueries),
        Field(
            name: "golden_required",
            help: "1: another model wants golden queries",
            range: 0...1,
            path: \.goldenRequired
        ),
        Field(name: "overlap", help: "hits shared with live, same model, at least", range: 0...1, path: \.overlap),
        Field(name: "cosine", help: "stored vector and re-embedded text, at least", range: 0...1, path: \.cosine),
        Field(name: "p95_ms", help: "p95 in milliseconds, at most", range: 1...60_000, path: \.p95),
        Field(name: "p95_ratio", help: "p95 as a multiple of live's, at most", range: 1...1_000, path: \.p95Ratio),
        Field(name: "evidence_hours", help: "age of evidence, at most", range: 0.01...8_760, path: \.evidenceHours),
        Field(
            name: "evidence_change",
            help: "share of vectors changed since, at most",
            range: 0...1,
            path: \.evidenceChange
        ),
    ]

    /// Those that are not as they are by default, by name, in the order of `fields`.
    package var changed: [(name: String, value: Double)] {
        let standard = GateThresholds()
        return Self.fields.compactMap { field in
            let value = self[keyPath: field.path]
            return value == standard[keyPath: field.path] ? nil : (field.name, value)
        }
    }

    /// Sets one by name. What stands in the way is returned; nil: it is set.
    package mutating func set(_ name: String, to value: Double) -> String? {
        guard let field = Self.fields.first(where: { $0.name == name }) else {
            return "there is no threshold '\(name)'; there are \(Self.fields.map(\.name).joined(separator: ", "))"
        }
        guard value.isFinite, field.range.contains(value) else {
            return "\(name) is from \(field.range.lowerBound) to \(field.range.upperBound), not \(value)"
        }
        self[keyPath: field.path] = value
        return nil
    }
}
