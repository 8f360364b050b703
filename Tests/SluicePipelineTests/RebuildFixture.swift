import SluiceCore
import SluiceDocuments
import SluiceInference
import SluicePipeline
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import Synchronization

/// Gates that say what they are told to, and whether what they said is fresh.
final class FixedGates: IndexGates {
    private struct State {
        var verdict = GateVerdict.go
        var evidence = IndexVersionFacts.Evidence.fresh
        var calls = 0
        var unfit: TaskFailure?
    }
    private let state = Mutex(State())

    var calls: Int { state.withLock(\.calls) }

    func say(_ verdict: GateVerdict) { state.withLock { $0.verdict = verdict } }
    /// As in a worker without the models, until told otherwise.
    func lack(_ unfit: TaskFailure?) { state.withLock { $0.unfit = unfit } }
    func be(_ evidence: IndexVersionFacts.Evidence) { state.withLock { $0.evidence = evidence } }

    func judge(_ version: IndexVersionID) async throws -> GateVerdict {
        try state.withLock { state in
            state.calls += 1
            if let unfit = state.unfit { throw GatesUnfit(unfit) }
            // A new run is fresh again.
            state.evidence = .fresh
            return state.verdict
        }
    }

    var evidence: SwapEvidence {
        { [self] _, _ in state.withLock(\.evidence) }
    }
}

/// The product's handlers with index versions, on the real store.
struct RebuildFixture: Sendable {
    let base: PipelineFixture
    let gates: FixedGates
    let versions: PostgresIndexVersions
    let pipeline: Pipeline

    init(base: PipelineFixture, gates: FixedGates, versions: PostgresIndexVersions, pipeline: Pipeline) {
        (self.base, self.gates, self.versions, self.pipeline) = (base, gates, versions, pipeline)
    }

    /// Gates that say GO until they are told otherwise, and a queue that rebuilds may fill.
    ///
    /// - Parameter candidate: the model of new versions, if it is another.
    init(base: PipelineFixture, candidate: CountingEmbedder? = nil) {
        let gates = FixedGates()
        let versions = PostgresIndexVersions(base.store, evidence: gates.evidence) { _ in }
        var pipeline = base.pipeline
        (pipeline.versions, pipeline.gates, pipeline.rebuildShare) = (versions, gates, 1)
        if let candidate {
            pipeline.candidateEmbedder = candidate
            pipeline.candidateModel = ModelIdentity(
                fingerprint: candidate.model.fingerprint,
                dimension: candidate.model.dimension
            )
        }
        self.init(base: base, gates: gates, versions: versions, pipeline: pipeline)
    }

    static func run(
        candidate: CountingEmbedder? = nil,
        maxTokens: Int = 256,
        dimension: Int = 16,
        _ body: (RebuildFixture) async throws -> Void
    ) async throws {
        try await PipelineFixture.run(maxTokens: maxTokens, dimension: dimension) { base in
            try await body(RebuildFixture(base: base, candidate: candidate))
        }
    }

    func perform(_ queue: QueueName) async throws -> String? {
        try await base.performNext(queue, pipeline: pipeline)
    }

    /// Performs everything until nothing moves any more; what snoozes is woken, retirements of the future are not.
    func settle() async throws {
        for _ in 0..<200 {
            var isIdle = true
            for queue in QueueName.all { while try await perform(queue) != nil { isIdle = false } }
            let woken = try await base.store.pool.execute(
                Statement(
                    """
                    UPDATE tasks SET run_at = now(), state = 'available'
                    WHERE state IN ('retryable', 'scheduled') AND kind <> 'index.retire'
                    """
                )
            )
            if woken == 0 && isIdle { return }
        }
        throw PipelineFixture.NotWritten()
    }

    func ingest(_ name: String, _ text: String) async throws -> String {
        let uri = try base.write(name, text)
        _ = try await base.request(uri)
        try await settle()
        return uri
    }

    /// Rebuilds and performs all of it; returns the new version.
    func rebuild(_ change: IndexVersionChange = IndexVersionChange()) async throws -> IndexVersionRecord {
        let version = try await versions.create(in: .default, change, completing: nil)
        try await settle()
        return try await current(version)
    }

    func current(_ version: IndexVersionRecord) async throws -> IndexVersionRecord {
        guard let record = try await versions.version(version.id) else { throw PipelineFixture.NotWritten() }
        return record
    }

    func live() async throws -> IndexVersionRecord {
        guard let live = try await versions.versions(of: .default).first(where: { $0.state == .live }) else {
            throw PipelineFixture.NotWritten()
        }
        return live
    }

    /// Both anti-joins.
    func isWhole(_ version: IndexVersionRecord) async throws -> Bool { try await versions.gaps(version.id).isWhole }

    static func prose(_ lines: Range<Int>, _ word: String = "matter") -> String {
        lines.map { "Line \($0) tells of \(word) \($0 * 7).\n" }.joined()
    }
}

extension RebuildFixture {
    /// Lets what waits for a time run now.
    func wake() async throws {
        try await base.store.pool.execute(
            Statement(
                """
                UPDATE tasks SET run_at = now(), state = 'available'
                WHERE state IN ('retryable', 'scheduled') AND kind <> 'index.retire'
                """
            )
        )
    }
}
