import SluiceCore
import SluiceDocuments
import SluicePostgres
import SluiceQueue
import SluiceStore

/// A chunk that answers, as the tables have it.
struct LiveChunk: Sendable, Equatable {
    let id: Int64
    let ordinal: Int
    let text: String
    let charFrom: Int
    let charTo: Int
    let page: Int?
    /// In the table of the index's live version.
    let vectors: Int
}

extension DocumentsFixture {
    func liveChunks(_ uri: String, tenant: TenantID = .default) async throws -> [LiveChunk] {
        try await store.pool.query(
            Statement(
                """
                SELECT chunks.id, ordinal, text, char_from, char_to, page_from,
                    (SELECT count(*) FROM embeddings_g\(index.liveVersion) AS e
                     WHERE e.chunk_id = chunks.id AND e.content_hash = chunks.content_hash)
                FROM chunks JOIN documents ON documents.id = document_id
                WHERE uri = $1 AND documents.tenant_id = $2 ORDER BY ordinal, chunks.id
                """,
                [.text(uri), .text(tenant.rawValue)]
            ) { row throws(PostgresError) in
                LiveChunk(
                    id: try row.int64(0),
                    ordinal: try row.int32(1),
                    text: try row.text(2),
                    charFrom: try row.int32(3),
                    charTo: try row.int32(4),
                    page: try row.optionalInt32(5),
                    vectors: Int(try row.int64(6))
                )
            }
        )
    }

    /// True when exactly these texts answer, in order, where they stand, each with one vector.
    func answers(_ uri: String, _ texts: [String], tenant: TenantID = .default) async throws -> Bool {
        let live = try await liveChunks(uri, tenant: tenant)
        let drafts = Self.drafts(texts)
        return live.count == drafts.count
            && zip(live, drafts).allSatisfy { chunk, draft in
                chunk.text == draft.text && chunk.ordinal == draft.ordinal && chunk.charFrom == draft.charFrom
                    && chunk.charTo == draft.charTo && chunk.page == draft.pageFrom && chunk.vectors == 1
            }
    }

    func count(_ sql: String, _ values: [PGValue] = []) async throws -> Int {
        let rows = try await store.pool.query(
            Statement(sql, values) { row throws(PostgresError) in Int(try row.int64(0)) }
        )
        return rows.first ?? -1
    }

    /// State and outcome of a document.
    func document(_ uri: String, tenant: TenantID = .default) async throws -> DocumentRecord? {
        try await store.documents(named: uri, tenant: tenant).first
    }

    /// Takes the task away from its worker, as the leader does when the worker's lease ran out.
    func loseLease(of task: ClaimedTask) async throws {
        try await store.pool.execute(
            Statement("UPDATE workers SET lease_expires_at = now() WHERE id = $1", [.uuid(worker)])
        )
        guard let term = try await tasks.lead(as: WorkerID.random(), for: .seconds(15)) else { throw NoTask() }
        guard try await tasks.rescue(limit: 10, term: term).map(\.id) == [task.id] else { throw NoTask() }
    }
}
