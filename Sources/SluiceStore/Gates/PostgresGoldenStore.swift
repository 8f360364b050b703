package import SluiceCore
package import SluiceDocuments
internal import SluicePostgres
package import SluiceSystem

/// Golden queries on PostgreSQL.
package struct PostgresGoldenStore: GoldenStore {
    private let store: Store

    package init(_ store: Store) { self.store = store }

    package func importGolden(
        _ queries: [GoldenQuery],
        as set: String,
        into index: IndexName,
        digest: SHA256Digest
    ) async throws -> Bool? {
        try await store.pool.transaction { transaction in
            // The row is locked: two imports go one after the other.
            guard let index = try await transaction.query(GoldenStatements.lock(index)).first else { return nil }
            return try await replace(queries, as: set, in: index, digest, transaction)
        }
    }

    /// Adds a query to a set, which is made where there is none; where the set asks the same of the tenant already, the answers are
    /// added to those that it has. Returns how many queries the set has then; nil when there is no such index.
    package func addGolden(_ query: GoldenQuery, to set: String, of index: IndexName) async throws -> Int? {
        try await store.pool.transaction { transaction in
            guard let index = try await transaction.query(GoldenStatements.lock(index)).first else { return nil }
            let queries = try await Self.read(index, set, transaction).adding(query)
            _ = try await replace(queries, as: set, in: index, GoldenQuery.digest(of: queries), transaction)
            return queries.count
        }
    }

    /// False when the set holds these queries already.
    private func replace(
        _ queries: [GoldenQuery],
        as set: String,
        in index: IndexID,
        _ digest: SHA256Digest,
        _ transaction: PostgresTransaction
    ) async throws -> Bool {
        guard let id = try await transaction.query(GoldenStatements.upsert(set, index, digest)).first else {
            return false
        }
        try await transaction.execute(GoldenStatements.clear(id))
        for start in stride(from: 0, to: queries.count, by: Self.step) {
            let step = Array(queries[start..<min(start + Self.step, queries.count)])
            let ids = try await transaction.query(GoldenStatements.insert(step, into: id))
            guard ids.count == step.count else {
                throw PostgresError(.server, "not all golden queries were stored")
            }
            try await transaction.execute(GoldenStatements.insertRelevant(step, ids.sorted()))
        }
        try await transaction.execute(GoldenStatements.advance(index))
        return true
    }

    private static let step = 1_000

    package func goldenSets(of index: IndexName) async throws -> [GoldenSet] {
        try await store.pool.query(GoldenStatements.sets(index))
    }

    package func removeGolden(_ set: String, of index: IndexName) async throws -> Bool {
        try await store.pool.transaction { transaction in
            guard let index = try await transaction.query(GoldenStatements.lock(index)).first,
                try await transaction.execute(GoldenStatements.remove(set, index)) > 0
            else { return false }
            try await transaction.execute(GoldenStatements.advance(index))
            return true
        }
    }

    package func strayAnswers(of set: String, in index: IndexName) async throws -> Int {
        try await store.pool.query(GoldenStatements.strays(set, index)).first ?? 0
    }

    package func golden(of index: IndexID, set: String?) async throws -> [GoldenQuery] {
        try await store.pool.transaction(readOnly: true, repeatableRead: true) { transaction in
            try await Self.read(index, set, transaction)
        }
    }

    private static func read(
        _ index: IndexID,
        _ set: String?,
        _ transaction: PostgresTransaction
    ) async throws -> [GoldenQuery] {
        let queries = try await transaction.query(GoldenStatements.queries(index, set))
        let relevant = try await transaction.query(GoldenStatements.relevant(index, set))
        let byQuery = Dictionary(grouping: relevant, by: \.query)
        return queries.map { query in
            GoldenQuery(
                tenant: query.tenant,
                text: query.text,
                slice: query.slice,
                relevant: (byQuery[query.id] ?? []).map(\.relevant)
            )
        }
    }
}

enum GoldenStatements {
    static func lock(_ index: IndexName) -> Statement<IndexID> {
        Statement("SELECT id FROM indexes WHERE name = $1 FOR NO KEY UPDATE", [.text(index.rawValue)]) {
            row throws(PostgresError) in IndexID(rawValue: try row.int64(0))
        }
    }

    /// The set's number; nothing when it holds these queries already.
    static func upsert(_ set: String, _ index: IndexID, _ digest: SHA256Digest) -> Statement<Int64> {
        Statement(
            """
            INSERT INTO golden_sets (index_id, name, digest) VALUES ($1, $2, $3)
            ON CONFLICT (index_id, name) DO UPDATE SET digest = excluded.digest, imported_at = now()
            WHERE golden_sets.digest <> excluded.digest RETURNING id
            """,
            [.int8(index.rawValue), .text(set), .bytes(digest.bytes)]
        ) { row throws(PostgresError) in try row.int64(0) }
    }

    static func clear(_ set: Int64) -> Statement<Void> {
        Statement("DELETE FROM golden_queries WHERE set_id = $1", [.int8(set)])
    }

    /// Numbers in the order of the queries.
    static func insert(_ queries: [GoldenQuery], into set: Int64) -> Statement<Int64> {
        Statement(
            """
            INSERT INTO golden_queries (set_id, tenant_id, slice, query)
            SELECT $1, tenant, slice, query
            FROM unnest($2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS added (tenant, slice, query, place)
            ORDER BY place RETURNING id
            """,
            [
                .int8(set), .textArray(queries.map(\.tenant.rawValue)), .textArray(queries.map(\.slice)),
                .textArray(queries.map(\.text)),
            ]
        ) { row throws(PostgresError) in try row.int64(0) }
    }

    static func insertRelevant(_ queries: [GoldenQuery], _ ids: [Int64]) -> Statement<Void> {
        var (owners, places, tenants, pages) = ([Int64](), [Int](), [String](), [Int?]())
        var (uris, names, grades) = ([String?](), [String?](), [Double]())
        for (query, id) in zip(queries, ids) {
            for (place, answer) in query.relevant.enumerated() {
                owners.append(id)
                places.append(place)
                tenants.append(query.tenant.rawValue)
                pages.append(answer.page)
                grades.append(answer.grade)
                if case .uri(let uri) = answer.document { uris.append(uri) } else { uris.append(nil) }
                if case .name(let name) = answer.document { names.append(name) } else { names.append(nil) }
            }
        }
        return Statement(
            """
            INSERT INTO golden_relevant (query_id, position, tenant_id, uri, document, page, grade)
            SELECT * FROM unnest($1::int8[], $2::int4[], $3::text[], $4::text[], $5::text[], $6::int4[], $7::float8[])
            """,
            [
                .int8Array(owners), .int4Array(places), .textArray(tenants), .optionalTextArray(uris),
                .optionalTextArray(names), .optionalInt4Array(pages), .float8Array(grades),
            ]
        )
    }

    static func advance(_ index: IndexID) -> Statement<Void> {
        Statement("UPDATE indexes SET golden_revision = golden_revision + 1 WHERE id = $1", [.int8(index.rawValue)])
    }

    static func remove(_ set: String, _ index: IndexID) -> Statement<Void> {
        Statement("DELETE FROM golden_sets WHERE index_id = $1 AND name = $2", [.int8(index.rawValue), .text(set)])
    }

    /// Names are compared as `GoldenRelevant.matches` does: the last part of the URI, whole and without its ending.
    static func strays(_ set: String, _ index: IndexName) -> Statement<Int> {
        Statement(
            """
            WITH answers AS (
                SELECT relevant.tenant_id, relevant.uri, relevant.document, indexes.id AS index_id
                FROM indexes JOIN golden_sets ON golden_sets.index_id = indexes.id AND golden_sets.name = $2
                JOIN golden_queries ON golden_queries.set_id = golden_sets.id
                JOIN golden_relevant AS relevant ON relevant.query_id = golden_queries.id
                WHERE indexes.name = $1
            ), named AS (
                SELECT tenant_id, substring(uri FROM '[^/]+(?=/*$)') AS last FROM documents
                WHERE index_id = (SELECT id FROM indexes WHERE name = $1)
            ), names AS (
                SELECT tenant_id, last AS name FROM named
                UNION SELECT tenant_id, regexp_replace(last, '\\.[^.]*$', '') FROM named
            )
            SELECT count(*) FROM answers
            WHERE CASE WHEN uri IS NOT NULL THEN NOT EXISTS (
                    SELECT FROM documents WHERE documents.tenant_id = answers.tenant_id
                        AND documents.index_id = answers.index_id AND documents.uri = answers.uri
                )
                ELSE (tenant_id, document) NOT IN (SELECT tenant_id, name FROM names WHERE name IS NOT NULL) END
            """,
            [.text(index.rawValue), .text(set)]
        ) { row throws(PostgresError) in Int(try row.int64(0)) }
    }

    static func sets(_ index: IndexName) -> Statement<GoldenSet> {
        Statement(
            """
            SELECT golden_sets.name, count(golden_queries.id), count(DISTINCT tenant_id), count(DISTINCT slice),
                golden_sets.imported_at
            FROM indexes JOIN golden_sets ON golden_sets.index_id = indexes.id
            LEFT JOIN golden_queries ON golden_queries.set_id = golden_sets.id
            WHERE indexes.name = $1 GROUP BY golden_sets.id ORDER BY golden_sets.name
            """,
            [.text(index.rawValue)]
        ) { row throws(PostgresError) in
            GoldenSet(
                name: try row.text(0),
                queries: Int(try row.int64(1)),
                tenants: Int(try row.int64(2)),
                slices: Int(try row.int64(3)),
                importedAt: try row.timestamp(4)
            )
        }
    }

    struct Query: Sendable {
        let id: Int64
        let tenant: TenantID
        let slice: String
        let text: String
    }

    static func queries(_ index: IndexID, _ set: String?) -> Statement<Query> {
        Statement(
            """
            SELECT golden_queries.id, tenant_id, slice, query
            FROM golden_sets JOIN golden_queries ON golden_queries.set_id = golden_sets.id
            WHERE index_id = $1 AND ($2::text IS NULL OR name = $2) ORDER BY golden_queries.id
            """,
            [.int8(index.rawValue), .optionalText(set)]
        ) { row throws(PostgresError) in
            Query(
                id: try row.int64(0),
                tenant: TenantID(trusted: try row.text(1)),
                slice: try row.text(2),
                text: try row.text(3)
            )
        }
    }

    static func relevant(_ index: IndexID, _ set: String?) -> Statement<(query: Int64, relevant: GoldenRelevant)> {
        Statement(
            """
            SELECT query_id, uri, document, page, grade
            FROM golden_sets JOIN golden_queries ON golden_queries.set_id = golden_sets.id
            JOIN golden_relevant ON golden_relevant.query_id = golden_queries.id
            WHERE index_id = $1 AND ($2::text IS NULL OR name = $2) ORDER BY query_id, position
            """,
            [.int8(index.rawValue), .optionalText(set)]
        ) { row throws(PostgresError) in
            let uri = try row.optionalText(1)
            let name = try row.optionalText(2)
            return (
                try row.int64(0),
                GoldenRelevant(
                    uri.map { .uri($0) } ?? .name(name ?? ""),
                    page: try row.optionalInt32(3),
                    grade: try row.float8(4)
                )
            )
        }
    }
}
