internal import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres
internal import SluiceSystem

/// The cuts of a staged version for every chunk set that is written to.
///
/// Sets follow each other in the version's ordinals, so that one range of tasks embeds them all, each text once.
enum StagedCuts {
    /// Cuts the version's kept text for those of the sets that it was not staged for: versions came to be written to meanwhile. Without a
    /// kept text nothing is cut.
    ///
    /// - Parameter staged: what is staged already.
    /// - Returns: whether anything was added.
    static func complete(
        _ version: DocumentVersionID,
        _ staged: [GoLive.Staged],
        for written: [VersionStatements.Written],
        tenant: TenantID,
        _ transaction: PostgresTransaction
    ) async throws -> Bool {
        let present = Set(staged.map(\.set))
        var lacking: [Int: SetChunker] = [:]
        for version in written.map(\.version)
        where !present.contains(version.chunkSet) && lacking[version.chunkSet] == nil {
            lacking[version.chunkSet] = try SetChunker(version)
        }
        if lacking.isEmpty { return false }
        guard let text = try await transaction.query(DocumentTexts.text(of: version)).first else { return false }
        var next = (staged.map(\.ordinal).max() ?? -1) + 1
        var rows: [StagedChunks.Row] = []
        for (set, chunker) in lacking.sorted(by: { $0.key < $1.key }) {
            for var draft in await chunker.cut(text) {
                draft.ordinal = next
                next += 1
                rows.append(StagedChunks.Row(draft: draft, part: 0, set: set))
            }
        }
        try await StagedChunks.copy(rows, version: version, tenant: tenant, transaction)
        return !rows.isEmpty
    }

    /// Ordinals of staged chunks that have to be embedded before the version can go live: of the sets that versions with this model read.
    /// Vectors that these have of the document, and the cache has lost, are put back into it.
    static func lacking(
        _ version: DocumentVersionID,
        _ document: DocumentID,
        _ model: ModelIdentity,
        in written: [VersionStatements.Written],
        _ transaction: PostgresTransaction
    ) async throws -> [Int] {
        var sets: Set<Int> = []
        // The one that answers first: the others of its set have what it has.
        for reader in written.sorted(by: { $0.version.state == .live && $1.version.state != .live })
        where reader.version.spec.model == model && sets.insert(reader.version.chunkSet).inserted {
            try await transaction.execute(GoLive.cacheLive(reader.table, document, model))
        }
        // A text that stands in several sets is embedded once.
        var seen: Set<SHA256Digest> = []
        return try await transaction.query(DocumentStatements.missing(version, model, sets: sets.sorted()))
            .filter { seen.insert($0.hash).inserted }.map(\.ordinal)
    }
}
