internal import Logging
internal import SluiceCore
internal import SluiceDocuments
package import SluiceQueue

/// `index.rebuild`: makes a version, or takes its next steps.
///
/// What a version needs next stands in its row, so an attempt may end anywhere: the next one goes on from there. An attempt works
/// for a while and then gives its slot back, so that a rebuild of hours neither holds one nor loses more than a batch.
package struct RebuildIndex: Sendable {
    let pipeline: Pipeline
    let versions: any IndexVersionStore & ChunkSetStore

    /// How long an attempt copies before it gives way.
    private static let turn = Duration.seconds(20)
    /// Until a full disk is tried again.
    private static let diskPause = Duration.seconds(900)
    private static let breath = Duration.milliseconds(50)
    /// Tasks that embed for a version and wait at the same time: a rebuild fills no queue.
    private static let maxPending = 16
    /// Chunks of a batch while most of them have to be embedded.
    private static let embedLimit = 1_000

    init(pipeline: Pipeline, versions: any IndexVersionStore & ChunkSetStore) {
        self.pipeline = pipeline
        self.versions = versions
    }

    package func perform(_ input: RebuildIndexInput, _ context: AttemptContext) async throws -> AttemptOutcome {
        do {
            guard let number = input.version else { return try await create(input, context) }
            return try await drive(IndexVersionID(rawValue: number), context)
        } catch let refusal as IndexRefusal {
            // Somebody else moved it on: what it needs now stands in its row.
            context.logger.info("not as expected", metadata: ["refusal": "\(refusal)"])
            return .snoozed(for: .seconds(1), reason: "\(refusal)")
        } catch  where error.isTransientFailure && !context.isCancelled {
            // Locks that others hold, servers that restart: a rebuild has time.
            return .snoozed(for: .seconds(2), reason: "\(error)")
        }
    }

    private func drive(_ id: IndexVersionID, _ context: AttemptContext) async throws -> AttemptOutcome {
        while true {
            if context.isCancelled { throw CancellationError() }
            guard let version = try await versions.version(id) else {
                return .cancelled(reason: "index version \(id) does not exist any more")
            }
            switch version.state {
            case .planned:
                try await advance(version, .began, IndexVersionFacts(), context)
            case .building:
                if let pause = try await load(version, context) { return pause }
            case .indexing:
                context.progress(0, of: version.planned, "building the HNSW index")
                do {
                    _ = try await pipeline.indexes.buildHNSW(id) { progress in
                        context.progress(progress.done, of: progress.total, progress.phase)
                    }
                } catch let failure as TaskFailure where failure.errorClass == "index.disk_full" {
                    // It would fill the disk again and again, and every ingest would fail with it.
                    try await versions.note(failure.message, on: id, fence: context.fence)
                    return .snoozed(for: Self.diskPause, reason: failure.message)
                }
                if version.problem != nil { try await versions.note(nil, on: id, fence: context.fence) }
                try await advance(version, .indexed, IndexVersionFacts(), context)
            case .validating:
                if let pause = try await judge(version, context) { return pause }
            case .ready:
                guard version.spec.isAutoSwap else { return .completed }
                return try await swap(version, context)
            case .live, .soaking, .retired, .failed, .aborted: return .completed
            }
        }
    }

    private func create(_ input: RebuildIndexInput, _ context: AttemptContext) async throws -> AttemptOutcome {
        func invalid(_ message: String) -> AttemptOutcome {
            .dead(TaskFailure(errorClass: "payload.invalid", message: message))
        }
        guard let index = input.index.flatMap({ IndexName(rawValue: $0) }) else {
            return invalid("the payload names no version and no index: give \"version\" or \"index\"")
        }
        if input.partitionsAtMost != nil, input.partitionAbove == nil {
            return invalid("\"partitionsAtMost\" says nothing without \"partitionAbove\"")
        }
        var change = IndexVersionChange(
            m: input.m,
            efConstruction: input.efConstruction,
            isAutoSwap: input.autoSwap ?? false,
            soak: input.soakSeconds.map { .seconds($0) },
            chunkSize: input.chunkSize,
            overlap: input.chunkOverlap,
            partitions: PartitionChange(above: input.partitionAbove, atMost: input.partitionsAtMost)
        )
        if let text = input.storage {
            guard let storage = VectorStorage(rawValue: text) else {
                return invalid("no type of vectors is called '\(text)'")
            }
            change.storage = storage
        }
        switch input.model {
        case nil, "current": break
        case "candidate":
            guard let candidate = pipeline.candidateModel else {
                return .declined(Self.noCandidate)
            }
            change.model = candidate
        case let other?: return invalid("\"model\" is current or candidate, not '\(other)'")
        }
        do {
            // As `indexes rebuild` does before it begins; nobody is there to say that it is to begin all the same.
            let (spec, facts) = try await versions.plan(index, change)
            if let problem = IndexPlan(spec, facts, pipeline.room).problems.first {
                return .dead(TaskFailure(errorClass: "index.no_room", message: problem))
            }
            let version = try await versions.create(in: index, change, completing: context.fence)
            context.logger.info("rebuild", metadata: ["index": "\(index)", "version": "\(version.number)"])
        } catch let failure as TaskFailure where ["index.impossible", "index.unknown"].contains(failure.errorClass) {
            return .dead(failure)
        }
        return .settledByHandler
    }

    private static let noCandidate = TaskFailure(
        errorClass: "model.unknown",
        message: "the worker that claimed it has no candidate model; set SLUICE_CANDIDATE_MODEL"
    )

    // MARK: - Steps

    private func advance(
        _ version: IndexVersionRecord,
        _ event: IndexLifecycleEvent,
        _ facts: IndexVersionFacts,
        _ context: AttemptContext,
        reason: String? = nil
    ) async throws {
        let state = try await versions.advance(version.id, event, facts, reason: reason, fence: context.fence)
        context.logger.notice(
            "index version",
            metadata: ["index": "\(version.indexName)", "version": "\(version.number)", "state": "\(state.rawValue)"]
        )
    }

    /// Copies until the turn is over or everything is there. Nil: the version went on.
    private func load(_ version: IndexVersionRecord, _ context: AttemptContext) async throws -> AttemptOutcome? {
        var pace = BackfillPace(share: pipeline.rebuildShare)
        var seen = 0
        var embeds = false
        let end = Instant.now + Self.turn
        if version.documentCursor != nil, let pause = try await cut(version, until: end, context) { return pause }
        while .now < end {
            if context.isCancelled { throw CancellationError() }
            let start = Instant.now
            let step = try await versions.backfill(
                version.id,
                limit: embeds ? min(pace.limit, Self.embedLimit) : pace.limit,
                fence: context.fence
            )
            embeds = step.toEmbed > 0
            let rest = pace.took(start.elapsed)
            seen += step.seen
            context.progress(
                min(version.planned, version.copied + seen),
                of: version.planned,
                "vectors of chunks up to the present one"
            )
            if step.isAtEnd { return try await reconcile(version, context) }
            if step.toEmbed > 0, try await outstanding(version) >= Self.maxPending {
                return .snoozed(for: .seconds(2), reason: "waits for index.embed tasks")
            }
            try await Task.sleep(for: rest)
        }
        return .snoozed(for: Self.breath, reason: "gives way, and goes on")
    }

    private func outstanding(_ version: IndexVersionRecord) async throws -> Int {
        try await versions.outstanding(version.id).pending
    }

    /// At the end of a pass: whole, or what is missing is sought again.
    private func reconcile(_ version: IndexVersionRecord, _ context: AttemptContext) async throws -> AttemptOutcome? {
        let (pending, dead) = try await versions.outstanding(version.id)
        if pending > 0 { return .snoozed(for: .seconds(1), reason: "waits for \(pending) index.embed tasks") }
        if dead > 0 {
            let problem =
                "\(dead) dead index.embed tasks: 'workerctl dlq ls --kind index.embed' says why; retry or purge them, "
                + "or abort the version"
            try await versions.note(problem, on: version.id, fence: context.fence)
            return .snoozed(for: .seconds(15), reason: problem)
        }
        if let pause = try await awaitTexts(version, context) { return pause }
        context.progress(version.planned, of: version.planned, "comparing it with all chunks")
        let gaps = try await versions.gaps(version.id)
        if gaps.isWhole {
            try await versions.note(nil, on: version.id, fence: context.fence)
            try await advance(version, .loaded, gaps.facts, context)
            return nil
        }
        if gaps.surplus > 0 {
            let swept = try await versions.sweep(version.id, fence: context.fence)
            context.logger.warning("vectors without their chunk were removed", metadata: ["count": "\(swept)"])
        }
        if gaps.pending + gaps.dead > 0 { return .snoozed(for: .seconds(1), reason: "waits for index.embed tasks") }
        try await versions.restartBackfill(version.id, after: (gaps.firstMissing ?? 1) - 1, fence: context.fence)
        return .snoozed(for: Self.breath, reason: "\(gaps.missing) chunks have no vector yet: another pass")
    }

    private func judge(_ version: IndexVersionRecord, _ context: AttemptContext) async throws -> AttemptOutcome? {
        guard let gates = pipeline.gates else {
            return .declined(
                TaskFailure(
                    errorClass: "gates.missing",
                    message:
                        "the worker that claimed it has no gates to measure with, and nothing is swapped in unmeasured"
                )
            )
        }
        context.progress(0, of: nil, "the gates measure")
        let verdict: GateVerdict
        do {
            verdict = try await gates.judge(version.id)
        } catch let unfit as GatesUnfit {
            // What this worker lacks says nothing of the version: another one judges it.
            return .declined(unfit.reason)
        }
        try await advance(
            version,
            .judged(verdict),
            IndexVersionFacts(),
            context,
            reason: verdict.passes ? nil : "the gates said \(verdict.rawValue)"
        )
        return nil
    }

    private func swap(_ version: IndexVersionRecord, _ context: AttemptContext) async throws -> AttemptOutcome {
        do {
            let report = try await versions.swap(to: version.id, fence: context.fence)
            context.logger.notice(
                "swapped",
                metadata: ["index": "\(report.index)", "from": "\(report.from)", "to": "\(report.to)"]
            )
            return .completed
        } catch IndexRefusal.evidence {
            try await advance(version, .doubted, IndexVersionFacts(), context, reason: "the evidence is stale")
            return .snoozed(for: Self.breath, reason: "its gates measure again")
        } catch IndexRefusal.incomplete(let missing, let surplus, let pending) where pending == 0 {
            let reason = "\(missing) chunks without vectors, \(surplus) vectors without chunks"
            try await advance(version, .drifted, IndexVersionFacts(), context, reason: reason)
            return .snoozed(for: Self.breath, reason: reason)
        } catch IndexRefusal.incomplete(_, _, let pending) {
            return .snoozed(for: .seconds(1), reason: "waits for \(pending) index.embed tasks before it is swapped in")
        }
    }
}
