package import SluiceCore
package import SluiceDocuments
internal import SluiceSystem

/// One run: what was measured, what it means, and where it is stored.
package struct Examination: Sendable {
    package let run: Int64
    package let subject: GateSubject
    package let kind: GateRunKind
    package let measurements: GateMeasurements
    package let gates: [Gate]
    package let thresholds: GateThresholds
    package let seed: UInt64
    package let duration: Duration

    package init(
        run: Int64,
        subject: GateSubject,
        kind: GateRunKind,
        measurements: GateMeasurements,
        gates: [Gate],
        thresholds: GateThresholds,
        seed: UInt64,
        duration: Duration
    ) {
        self.run = run
        self.subject = subject
        self.kind = kind
        self.measurements = measurements
        self.gates = gates
        self.thresholds = thresholds
        self.seed = seed
        self.duration = duration
    }

    package var verdict: GateVerdict { GateVerdict(of: gates) }
}

/// Why nothing was measured.
package struct ExaminationError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable { case noVersion, noOther }
    package let code: Code
    package let description: String
}

/// The gates, measured on PostgreSQL: measure, judge, store.
package struct PostgresIndexGates: IndexGates, DriftCheck {
    private let examiner: IndexExaminer
    private var store: any GateStore { examiner.store }

    package init(_ examiner: IndexExaminer) { self.examiner = examiner }

    package func judge(_ version: IndexVersionID) async throws -> GateVerdict {
        try await examine(version).verdict
    }

    /// What a caller wants otherwise than the gates do.
    package struct Wishes: Sendable {
        /// Compared with this version instead of the live one.
        package var against: Int?
        /// Questions instead of the threshold's.
        package var sample: Int?
        package var goldenSet: String?
        /// Instead of one by the clock: repeats a run.
        package var seed: UInt64?

        package init() {}

        /// True when the run is what a swap relies on.
        var isPlain: Bool { against == nil && sample == nil && goldenSet == nil }
    }

    /// Runs all gates on a version and stores the run: as the evidence that a swap wants unless something was wished otherwise.
    package func examine(_ version: IndexVersionID, _ wishes: Wishes = Wishes()) async throws -> Examination {
        let start = ContinuousClock.now
        guard let subject = try await store.subject(version, against: wishes.against) else {
            throw ExaminationError(code: .noVersion, description: "the index version is gone")
        }
        if let against = wishes.against, subject.other == nil {
            throw ExaminationError(
                code: .noOther,
                description: "index '\(subject.name)' has no other version \(against) to compare with"
            )
        }
        let thresholds = try await store.thresholds(of: subject.index)
        let seed = wishes.seed ?? Self.freshSeed()
        let facts = try await facts(subject, thresholds)
        let judge = GateJudge(subject, thresholds)
        let plan = IndexExaminer.Plan(
            sample: wishes.sample ?? Int(thresholds.samples),
            seed: seed,
            goldenSet: wishes.goldenSet
        )
        let measured = try await examiner.measure(subject, plan, judge)
        return try await keep(
            subject,
            wishes.isPlain ? .gates : .eval,
            measured,
            judge.gates(measured),
            thresholds,
            seed,
            facts,
            since: start
        )
    }

    package func drift(of index: IndexName?) async throws -> [Drift] {
        var found: [Drift] = []
        let names = if let index { [index] } else { try await store.indexes() }
        for name in names {
            if let drift = try await look(at: name) { found.append(drift) }
        }
        return found
    }

    /// Nil when there is no such index.
    private func look(at index: IndexName) async throws -> Drift? {
        let start = ContinuousClock.now
        guard let version = try await store.version(of: index, number: nil),
            let subject = try await store.subject(version, against: nil)
        else { return nil }
        let thresholds = try await store.thresholds(of: subject.index)
        let seed = Self.freshSeed()
        let facts = try await facts(subject, thresholds)
        let judge = GateJudge(subject, thresholds)
        let plan = IndexExaminer.Plan(sample: Int(thresholds.samples), seed: seed)
        let measured = try await examiner.measureDrift(subject, plan, judge)
        let kept = try await keep(
            subject,
            .drift,
            measured,
            judge.drift(measured),
            thresholds,
            seed,
            facts,
            since: start
        )
        return Drift(
            run: kept.run,
            index: subject.name,
            number: subject.version.number,
            verdict: kept.verdict,
            gates: kept.gates
        )
    }

    /// What the version is before it is judged, with the thresholds it is judged by.
    private func facts(
        _ subject: GateSubject,
        _ thresholds: GateThresholds
    ) async throws -> GateEvidence.Facts {
        var facts = try await store.facts(subject)
        // A swap or a stricter threshold in between would make the run speak of what it was not compared with: stale from the
        // beginning, and whoever relies on it runs it again.
        facts.epoch = min(facts.epoch, subject.epoch)
        facts.thresholds = thresholds.changed.map { "\($0.name)=\($0.value)" }
        return facts
    }

    private func keep(
        _ subject: GateSubject,
        _ kind: GateRunKind,
        _ measured: GateMeasurements,
        _ gates: [Gate],
        _ thresholds: GateThresholds,
        _ seed: UInt64,
        _ facts: GateEvidence.Facts,
        since start: ContinuousClock.Instant
    ) async throws -> Examination {
        let duration = ContinuousClock.now - start
        let run = try await store.record(
            NewGateRun(
                subject: subject,
                kind: kind,
                gates: gates,
                thresholds: thresholds,
                seed: seed,
                facts: facts,
                duration: duration
            )
        )
        return Examination(
            run: run,
            subject: subject,
            kind: kind,
            measurements: measured,
            gates: gates,
            thresholds: thresholds,
            seed: seed,
            duration: duration
        )
    }

    /// Other questions every time: what one sample does not show, the next may.
    private static func freshSeed() -> UInt64 { UInt64.random(in: 0...UInt64(Int64.max)) }
}
