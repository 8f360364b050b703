package import SluiceCore
package import SluiceDocuments
internal import SluicePostgres
internal import SluiceQueue
internal import SluiceSystem

extension PostgresDocumentStore {
    package func stage(_ version: StagedVersion, window: Int, fence: Fence) async throws -> StageReport {
        let (report, enqueued) = try await GoLive.mended { looksFirst in
            try await inTenant(version.tenant) { transaction in
                try await stage(version, window, fence, transaction, looksFirst: looksFirst)
            }
        }
        await announce(enqueued)
        return report
    }

    // MARK: -

    private func stage(
        _ version: StagedVersion,
        _ window: Int,
        _ fence: Fence,
        _ transaction: PostgresTransaction,
        looksFirst: Bool
    ) async throws -> (StageReport, [EnqueuedTask]) {
        let held = try await hold(version.document, fence, transaction)
        guard
            let current = try await transaction.query(
                DocumentStatements.snapshot(version.document, version.tenant)
            ).first
        else { throw Self.erased(version.document) }
        try await check(version, fits: current.index, transaction)
        // A swap may have come since the snapshot was read: what counts is what answers now.
        var model = current.index.model
        let gaveUp = try await transaction.execute(DocumentStatements.abandonUnfinished(version.document)) > 0
        let id = try await insert(version, transaction)
        let live = try await transaction.query(GoLive.live(version.document))
            .filter { $0.set == version.chunkSet }.map { ($0.chunk, $0.hash) }
        var missing =
            current.index.writtenSets > 1
            ? try await missingOfAll(id, version, model, transaction)
            : try await missing(id, version, model, live, current.index.liveVersion, transaction)
        let kept = ChunkDiff(live: live, staged: version.chunks.map(\.contentHash)).kept.count
        // A chunk whose equal is kept may be a second one of its text: then it is neither.
        let own = missing.count { $0 < version.chunks.count }
        let cached = max(0, version.chunks.count - kept - own)
        var enqueued: [EnqueuedTask] = []
        if missing.isEmpty {
            let frame = GoLive.Frame(version: id, document: version.document, tenant: version.tenant, model: model)
            let outcome = try await GoLive.run(frame, in: transaction, looksFirst: looksFirst) { tasks in
                enqueued += try await store.enqueue(tasks, in: transaction)
            }
            if case .lacks(let other, let ordinals) = outcome { (model, missing) = (other, ordinals) }
        }
        let windows = Self.windows(missing, of: window)
        try await transaction.execute(
            DocumentStatements.planned(id, kept: kept, cached: cached, tasks: windows.count, model)
        )
        if !windows.isEmpty {
            try await transaction.execute(DocumentStatements.markProcessing(version.document))
            let tasks = try windows.map {
                try Self.embedTask($0, of: id, document: version.document, version.tenant, version.batch)
            }
            enqueued += try await store.enqueue(tasks, in: transaction)
        }
        let frame = Frame(document: version.document, tenant: version.tenant, held: held, gaveUp: gaveUp)
        enqueued += try await end(fence, frame, served: version.request, transaction)
        let report = StageReport(
            version: id,
            chunks: version.chunks.count,
            kept: kept,
            cached: cached,
            toEmbed: missing.count,
            isLive: windows.isEmpty
        )
        return (report, enqueued)
    }

    private func insert(
        _ version: StagedVersion,
        _ transaction: PostgresTransaction
    ) async throws -> DocumentVersionID {
        guard let id = try await transaction.query(DocumentStatements.insertVersion(version)).first else {
            throw PostgresError(.server, "no version id came back")
        }
        let chunks = version.chunks.map { StagedChunks.Row(draft: $0, part: 0, set: version.chunkSet) }
        try await StagedChunks.copy(chunks, version: id, tenant: version.tenant, transaction)
        if let text = version.text {
            try await transaction.execute(DocumentTexts.keep(text, of: id, version.document, version.tenant))
        }
        return id
    }

    /// While versions of several chunk sets are written to: the version is cut for each of them.
    private func missingOfAll(
        _ id: DocumentVersionID,
        _ version: StagedVersion,
        _ model: ModelIdentity,
        _ transaction: PostgresTransaction
    ) async throws -> [Int] {
        try await transaction.execute(VersionStatements.share(of: version.document))
        let written = try await transaction.query(VersionStatements.written(version.document))
        let staged = try await transaction.query(GoLive.staged(id))
        _ = try await StagedCuts.complete(id, staged, for: written, tenant: version.tenant, transaction)
        return try await StagedCuts.lacking(id, version.document, model, in: written, transaction)
    }

    /// Ordinals without a vector anywhere. Vectors of live chunks that the cache has lost are put back into it.
    private func missing(
        _ id: DocumentVersionID,
        _ version: StagedVersion,
        _ model: ModelIdentity,
        _ live: [(chunk: ChunkID, hash: SHA256Digest)],
        _ index: IndexVersionID,
        _ transaction: PostgresTransaction
    ) async throws -> [Int] {
        let absent = try await transaction.query(DocumentStatements.missing(id, model))
        let known = Set(live.map(\.hash))
        if absent.contains(where: { known.contains($0.hash) }) {
            let table = try await transaction.query(PartitionStatements.table(of: index, for: version.document)).first
            if let table { try await transaction.execute(GoLive.cacheLive(table, version.document, model)) }
        }
        return absent.filter { !known.contains($0.hash) }.map(\.ordinal)
    }

    /// Ranges of ordinals that hold at most `size` of the missing each.
    static func windows(_ missing: [Int], of size: Int) -> [ClosedRange<Int>] {
        stride(from: 0, to: missing.count, by: size).map { start in
            missing[start]...missing[min(start + size, missing.count) - 1]
        }
    }

    static func embedTask(
        _ ordinals: ClosedRange<Int>,
        of id: DocumentVersionID,
        document: DocumentID,
        _ tenant: TenantID,
        _ batch: BatchID?
    ) throws -> NewTask {
        try NewTask(
            EmbedChunksInput(
                document: document.rawValue,
                version: id.rawValue,
                first: ordinals.lowerBound,
                last: ordinals.upperBound
            ),
            tenant: tenant,
            batch: batch
        )
    }

    /// What was staged for another model is well only where a version of the index has that model: then a swap came between.
    private func check(
        _ version: StagedVersion,
        fits index: IndexSnapshot,
        _ transaction: PostgresTransaction
    ) async throws {
        if version.model == index.model { return }
        let written = try await transaction.query(VersionStatements.written(version.document))
        if written.contains(where: { $0.version.spec.model == version.model }) { return }
        throw TaskFailure(
            errorClass: "index.model_mismatch",
            message: "index '\(index.name)' holds vectors of model \(index.model.fingerprint), this worker has "
                + "\(version.model.fingerprint); point SLUICE_MODEL at the index's model, or build a new index version"
        )
    }
}
