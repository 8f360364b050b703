/// Whether the newest run of the gates still speaks for the version. Pure; the numbers come from one snapshot.
package struct GateEvidence: Sendable, Equatable {
    /// What a version looked like when it was judged, or looks like now.
    package struct Facts: Sendable, Equatable {
        /// The registry's.
        package var epoch: Int64
        /// Microseconds since 1970; nil: no HNSW index was built.
        package var indexedAt: Int64?
        package var vectors: Int
        /// The highest chunk among them, which grows with every chunk added.
        package var newestChunk: Int64
        /// Those thresholds that differ from the defaults, as `name=value`.
        package var thresholds: [String]
        /// Advances with every change of the index's golden queries.
        package var goldenRevision: Int64

        package init(
            epoch: Int64,
            indexedAt: Int64?,
            vectors: Int,
            newestChunk: Int64,
            thresholds: [String],
            goldenRevision: Int64
        ) {
            self.epoch = epoch
            self.indexedAt = indexedAt
            self.vectors = vectors
            self.newestChunk = newestChunk
            self.thresholds = thresholds
            self.goldenRevision = goldenRevision
        }
    }

    package let run: Int64
    package let verdict: GateVerdict
    package let then: Facts
    package let now: Facts
    /// Seconds since it was judged.
    package let age: Double
    /// Vectors of chunks above `then.newestChunk`.
    package let added: Int
    /// As they are now.
    package let limits: GateThresholds

    package init(
        run: Int64,
        verdict: GateVerdict,
        then: Facts,
        now: Facts,
        age: Double,
        added: Int,
        limits: GateThresholds
    ) {
        self.run = run
        self.verdict = verdict
        self.then = then
        self.now = now
        self.age = age
        self.added = added
        self.limits = limits
    }

    /// Why the run says nothing (any more) of the version as it is; nil: it does.
    package var staleness: String? {
        if then.epoch != now.epoch {
            return "another version went live since (epoch \(then.epoch), now \(now.epoch))"
        }
        if then.indexedAt != now.indexedAt { return "its HNSW index was built anew since" }
        if then.thresholds != now.thresholds { return "the index's thresholds were changed since" }
        if then.goldenRevision != now.goldenRevision { return "the index's golden queries were changed since" }
        if age > limits.evidenceHours * 3_600 {
            return "it is \(Int(age / 3_600)) hours old, \(GateJudge.text(limits.evidenceHours)) are allowed"
        }
        // What was there then and is not now, and what is there now and was not then.
        let removed = max(0, then.vectors - (now.vectors - added))
        let change = Double(added + removed) / Double(max(1, then.vectors))
        if change > limits.evidenceChange {
            return "\(added) vectors came and \(removed) went since, of \(then.vectors)"
        }
        return nil
    }

    /// Why the version may not be swapped in; nil: it may.
    package var refusal: String? {
        guard verdict.passes else { return "the gates said '\(verdict.rawValue)' (run \(run))" }
        return staleness.map { "the gates' evidence is stale (run \(run)): \($0); run them again" }
    }
}
