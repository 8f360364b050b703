package import SluiceCore
package import SluiceDocuments
internal import SluicePostgres
internal import SluiceQueue

/// What a request to ingest led to.
package struct IngestReceipt: Sendable {
    package let batch: BatchID
    package let documents: Int
    /// Documents that were being ingested already; this batch waits for them without counting them twice.
    package let underWay: Int
}

/// How far an ingest is, from PostgreSQL.
package struct IngestState: Sendable, Equatable {
    package var documents = 0
    /// By result: `ok`, `unchanged`, or the outcome that left a document without text. Dead ones by their last outcome.
    package var results: [String: Int] = [:]
    package var pages = 0
    package var chunks = 0
    package var kept = 0
    package var cached = 0
    package var embedded = 0
    /// Dead letters that block the batch.
    package var dead = 0
    /// True when nothing moves any more without an operator.
    package var isOver = false

    package var done: Int { results.values.reduce(0, +) }
}

extension PostgresDocumentStore {
    /// Documents of one transaction.
    private static let requestBatch = 2_000

    /// Registers documents, visible from now on, and enqueues their ingest under one new batch.
    ///
    /// A document that is being ingested already is not enqueued twice: the task that waits serves both batches, and one that
    /// runs, and may have read the source before it changed, enqueues another when it ends. URIs given twice count once.
    ///
    /// What is said of the documents holds from now on, whatever becomes of their ingest.
    package func requestIngest(
        of uris: [String],
        tenant: TenantID,
        index: IndexSnapshot,
        label: String,
        attributes: DocumentAttributes = DocumentAttributes()
    ) async throws -> IngestReceipt {
        try attributes.check()
        try await store.ensureTenant(tenant)
        let batch = try await store.createBatch(tenant: tenant, label: label)
        var underWay = 0
        // Sorted: two requests for the same documents lock them in the same order.
        let uris = Self.distinct(uris)
        for start in stride(from: 0, to: uris.count, by: Self.requestBatch) {
            let part = Array(uris[start..<min(start + Self.requestBatch, uris.count)])
            let enqueued = try await inTenant(tenant) { transaction in
                try await store.refuseErasing(part, tenant, index.id, in: transaction)
                let documents = try await transaction.query(Self.register(part, attributes, tenant, index.id))
                let tasks = try documents.map { try Self.ingestTask($0.id, tenant, batch) }
                let enqueued = try await store.enqueue(tasks, in: transaction)
                try await transaction.execute(Self.expect(documents, enqueued.map(\.id), batch, tenant))
                return enqueued
            }
            underWay += enqueued.count(where: \.wasDuplicate)
            await announce(enqueued)
        }
        return IngestReceipt(batch: batch, documents: uris.count, underWay: underWay)
    }

    package func register(
        _ uri: String,
        _ attributes: DocumentAttributes,
        tenant: TenantID,
        index: IndexSnapshot,
        batch: BatchID?,
        fence: Fence
    ) async throws {
        try await store.ensureTenant(tenant)
        let enqueued = try await inTenant(tenant) { transaction in
            try await store.hold(fence, in: transaction)
            try await store.refuseErasing([uri], tenant, index.id, in: transaction)
            let documents = try await transaction.query(Self.register([uri], attributes, tenant, index.id))
            let parent: BatchID
            if let batch {
                parent = batch
            } else {
                parent = try await store.createBatch(tenant: tenant, label: "document.ingest", in: transaction)
            }
            let tasks = try documents.map { try Self.ingestTask($0.id, tenant, parent) }
            let enqueued = try await store.enqueue(tasks, in: transaction)
            try await transaction.execute(Self.expect(documents, enqueued.map(\.id), parent, tenant))
            try await store.complete(fence, in: transaction)
            return enqueued
        }
        await announce(enqueued)
    }

    package func ingestState(_ batch: BatchID, tenant: TenantID) async throws -> IngestState {
        try await inTenant(tenant, readOnly: true) { transaction in
            var state = IngestState()
            var open = 0
            for row in try await transaction.query(Self.results(batch)) {
                state.documents += row.count
                if let result = row.result { state.results[result, default: 0] += row.count } else { open += row.count }
            }
            if let sums = try await transaction.query(Self.sums(batch)).first {
                (state.pages, state.chunks, state.kept) = (sums[0], sums[1], sums[2])
                (state.cached, state.embedded) = (sums[3], sums[4])
                state.dead = sums[6]
                state.isOver = open == 0 || (sums[5] == 0 && sums[6] > 0 && sums[7] == 0)
            }
            return state
        }
    }

    /// Each URI once, in the order of their bytes: to `String`'s own comparison two spellings of "é" are one, to files not.
    static func distinct(_ uris: [String]) -> [String] {
        var distinct: [String] = []
        for uri in uris.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) })
        where !(distinct.last?.utf8.elementsEqual(uri.utf8) ?? false) {
            distinct.append(uri)
        }
        return distinct
    }

    /// A document with the number of the request just made for it.
    private struct Request: Sendable {
        let id: DocumentID
        let number: Int64
    }

    private static func register(
        _ uris: [String],
        _ attributes: DocumentAttributes,
        _ tenant: TenantID,
        _ index: IndexID
    ) -> Statement<Request> {
        Statement(
            """
            INSERT INTO documents (tenant_id, index_id, uri, requested, metadata, tags, principals)
            SELECT $1, $2, uri, 1, coalesce($4::jsonb, '{}'), coalesce($5::text[], '{}'), $7::text[]
            FROM unnest($3::text[]) WITH ORDINALITY AS given (uri, position) ORDER BY position
            ON CONFLICT (tenant_id, index_id, uri) DO UPDATE SET updated_at = now(), requested = documents.requested + 1,
                state = CASE WHEN documents.state = 'failed' THEN 'queued' ELSE documents.state END,
                metadata = coalesce($4, documents.metadata), tags = coalesce($5, documents.tags),
                principals = CASE WHEN $6 THEN $7 ELSE documents.principals END
            RETURNING id, requested
            """,
            [
                .text(tenant.rawValue), .int8(index.rawValue), .textArray(uris),
                attributes.metadata.map { .jsonb(JSONValue.object($0).text) } ?? .null,
                attributes.tags.map { .textArray($0) } ?? .null, .bool(attributes.principals != nil),
                attributes.isForEveryone ? .null : attributes.principals.map { .textArray($0) } ?? .null,
            ]
        ) { row throws(PostgresError) in Request(id: DocumentID(rawValue: try row.int64(0)), number: try row.int64(1)) }
    }

    private static func expect(
        _ documents: [Request],
        _ tasks: [TaskID],
        _ batch: BatchID,
        _ tenant: TenantID
    ) -> Statement<Void> {
        Statement(
            """
            WITH given AS (SELECT * FROM unnest($3::int8[], $4::int8[], $5::int8[]) AS given (document, task, request)), told AS (
                UPDATE documents SET task_id = given.task FROM given WHERE documents.id = given.document
            )
            INSERT INTO batch_documents (batch_id, document_id, tenant_id, task_id, request)
            SELECT $1, document, $2, task, request FROM given
            """,
            [
                .int8(batch.rawValue), .text(tenant.rawValue), .int8Array(documents.map(\.id.rawValue)),
                .int8Array(tasks.map(\.rawValue)), .int8Array(documents.map(\.number)),
            ]
        )
    }

    /// Results with their counts; NULL for what is under way. A document whose task is dead counts by its last outcome, one of
    /// which a window is dead as `dead`: nothing moves there without an operator, whichever batch the window is of.
    private static func results(_ batch: BatchID) -> Statement<(result: String?, count: Int)> {
        Statement(
            """
            SELECT coalesce(result, CASE WHEN EXISTS (SELECT FROM dead_letters WHERE dead_letters.id = expected.task_id)
                OR EXISTS (
                    SELECT FROM document_versions AS pending JOIN dead_letters ON \(DocumentStatements.deadWindow(of: "pending.id"))
                    WHERE pending.document_id = documents.id AND pending.state = 'embedding'
                )
                THEN coalesce(nullif(documents.outcome, 'ok'), 'dead') END), count(*)
            FROM batch_documents AS expected JOIN documents ON documents.id = expected.document_id
            WHERE batch_id = $1 GROUP BY 1
            """,
            [.int8(batch.rawValue)]
        ) { row throws(PostgresError) in (try row.optionalText(0), Int(try row.int64(1))) }
    }

    /// Pages, chunks, kept, cached, embedded of the batch's versions; its pending and dead tasks; documents that are waited
    /// for in other batches.
    private static func sums(_ batch: BatchID) -> Statement<[Int]> {
        Statement(
            """
            SELECT coalesce(sum(page_count), 0), coalesce(sum(chunk_count), 0), coalesce(sum(chunks_kept), 0),
                coalesce(sum(chunks_cached), 0), coalesce(sum(chunks_embedded), 0),
                (SELECT pending FROM batches WHERE id = $1), (SELECT dead FROM batches WHERE id = $1),
                (SELECT count(*) FROM batch_documents JOIN tasks ON tasks.id = task_id
                 WHERE batch_documents.batch_id = $1 AND result IS NULL AND tasks.batch_id IS DISTINCT FROM $1)
            FROM document_versions WHERE batch_id = $1 AND state <> 'abandoned'
            """,
            [.int8(batch.rawValue)]
        ) { row throws(PostgresError) in
            var sums: [Int] = []
            for column in 0..<8 { sums.append(Int(try row.optionalInt64(column) ?? 0)) }
            return sums
        }
    }
}
