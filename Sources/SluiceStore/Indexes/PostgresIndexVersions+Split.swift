package import SluiceCore
package import SluiceDocuments
internal import SluicePostgres
internal import SluiceSystem

extension PostgresIndexVersions {
    package func splittable(_ chunks: [ChunkID], in id: IndexVersionID) async throws -> [SplittableChunk] {
        guard let version = try await version(id) else { throw Self.gone(id) }
        return try await store.pool.query(Self.splittable(chunks, version))
    }

    package func split(
        _ pieces: [ChunkID: [ChunkDraft]],
        in id: IndexVersionID,
        fence: Fence
    ) async throws -> [ChunkID] {
        if pieces.isEmpty { return [] }
        return try await store.pool.transaction { transaction in
            try await store.hold(fence, in: transaction)
            guard let version = try await transaction.query(VersionStatements.one(id)).first else {
                throw Self.gone(id)
            }
            // It shares the index's lock with ingests: whoever takes the version out of use waits for this, or comes first. Then nobody
            // would remove the pieces any more.
            try await transaction.execute(VersionStatements.share(of: version.index))
            let current = try await transaction.query(VersionStatements.one(id)).first
            guard current?.state.isWritten == true else { return [] }
            var added: [ChunkID] = []
            for chunk in try await transaction.query(
                Self.hold(pieces.keys.sorted { $0.rawValue < $1.rawValue }, version)
            ) {
                guard let drafts = pieces[chunk.id] else { continue }
                try await transaction.execute(GoLive.remove([chunk.id]))
                // All at the chunk's own place: their ids tell their order until the document is ingested again.
                let placed = drafts.map { draft in
                    var draft = draft
                    draft.ordinal = chunk.ordinal
                    return draft
                }
                added += try await Self.add(placed, to: version.chunkSet, chunk.document, chunk.tenant, transaction)
            }
            return added.sorted { $0.rawValue < $1.rawValue }
        }
    }

    /// On rows of `chunks`, of a set that no other version which is written to reads; `$2` the index, `$3` the set, `$4` the version.
    private static let isOwn = """
        documents.index_id = $2 AND chunks.chunk_set = $3 AND NOT EXISTS (
            SELECT FROM index_versions AS other WHERE other.index_id = $2 AND other.chunk_set = $3 AND other.id <> $4
                AND other.state IN \(VersionStatements.writtenStates)
        )
        """

    private static func values(_ chunks: [ChunkID], _ version: IndexVersionRecord) -> [PGValue] {
        [
            .int8Array(chunks.map(\.rawValue)), .int8(version.index.rawValue), .int4(version.chunkSet),
            .int8(version.id.rawValue),
        ]
    }

    private static func splittable(_ chunks: [ChunkID], _ version: IndexVersionRecord) -> Statement<SplittableChunk> {
        Statement(
            """
            SELECT chunks.id, ordinal, char_from, char_to, page_from, page_to, heading_path, content_hash, text
            FROM chunks JOIN documents ON documents.id = chunks.document_id
            WHERE chunks.id = ANY ($1::int8[]) AND \(isOwn) ORDER BY chunks.id
            """,
            values(chunks, version)
        ) { row throws(PostgresError) in
            SplittableChunk(
                id: ChunkID(rawValue: try row.int64(0)),
                draft: try StagedChunks.draft(row, ordinal: try row.int32(1))
            )
        }
    }

    private struct Held: Sendable {
        let id: ChunkID
        let document: DocumentID
        let tenant: TenantID
        let ordinal: Int
    }

    /// Holds chunks and their documents, so that no ingest goes live meanwhile; those that somebody is at are passed over.
    private static func hold(_ chunks: [ChunkID], _ version: IndexVersionRecord) -> Statement<Held> {
        Statement(
            """
            SELECT chunks.id, chunks.document_id, chunks.tenant_id, chunks.ordinal
            FROM chunks JOIN documents ON documents.id = chunks.document_id
            WHERE chunks.id = ANY ($1::int8[]) AND \(isOwn) ORDER BY chunks.id FOR UPDATE OF documents, chunks SKIP LOCKED
            """,
            values(chunks, version)
        ) { row throws(PostgresError) in
            Held(
                id: ChunkID(rawValue: try row.int64(0)),
                document: DocumentID(rawValue: try row.int64(1)),
                tenant: TenantID(trusted: try row.text(2)),
                ordinal: try row.int32(3)
            )
        }
    }
}
