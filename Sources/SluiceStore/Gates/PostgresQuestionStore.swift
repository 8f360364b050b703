package import SluiceCore
package import SluiceDocuments
internal import SluicePostgres

/// Questions of readers on PostgreSQL. Readers write them themselves (`QuestionLog`).
package struct PostgresQuestionStore: QuestionStore {
    private let store: Store

    package init(_ store: Store) { self.store = store }

    package func questionLog(of index: IndexName) async throws -> QuestionLogPolicy? {
        try await store.pool.query(QuestionStatements.policy(index)).first
    }

    package func setQuestionLog(_ policy: QuestionLogPolicy?, of index: IndexName) async throws -> Bool {
        guard let policy else {
            return try await store.pool.query(QuestionStatements.end(index)).first ?? false
        }
        return try await store.pool.execute(QuestionStatements.set(policy, index)) > 0
    }

    package func questions(of index: IndexName, tenant: TenantID?, limit: Int) async throws -> [LoggedQuestion] {
        try await store.pool.query(QuestionStatements.newest(index, tenant, limit))
    }

    package func question(_ id: Int64, of index: IndexName) async throws -> LoggedQuestion? {
        try await store.pool.query(QuestionStatements.find(id, index)).first
    }

    package func sampleQuestions(of index: IndexID, count: Int, seed: UInt64) async throws -> [LoggedQuestion] {
        try await store.pool.query(QuestionStatements.sample(index, count, seed))
    }
}

enum QuestionStatements {
    private static let columns = "id, tenant_id, day::text, query, mode, asked"

    private static func decode(_ row: PGRow) throws(PostgresError) -> LoggedQuestion {
        LoggedQuestion(
            id: try row.int64(0),
            tenant: TenantID(trusted: try row.text(1)),
            day: try row.text(2),
            text: try row.text(3),
            mode: try row.text(4),
            asked: try row.int32(5)
        )
    }

    static func policy(_ index: IndexName) -> Statement<QuestionLogPolicy> {
        Statement(
            """
            SELECT percent, per_day, days FROM question_logs JOIN indexes ON indexes.id = index_id WHERE indexes.name = $1
            """,
            [.text(index.rawValue)]
        ) { row throws(PostgresError) in
            QuestionLogPolicy(percent: try row.int32(0), perDay: try row.int32(1), days: try row.int32(2))
        }
    }

    static func set(_ policy: QuestionLogPolicy, _ index: IndexName) -> Statement<Void> {
        Statement(
            """
            INSERT INTO question_logs (index_id, percent, per_day, days) SELECT id, $2, $3, $4 FROM indexes WHERE name = $1
            ON CONFLICT (index_id) DO UPDATE SET percent = excluded.percent, per_day = excluded.per_day,
                days = excluded.days, changed_at = now()
            """,
            [.text(index.rawValue), .int4(policy.percent), .int4(policy.perDay), .int4(policy.days)]
        )
    }

    /// Its questions go with it. One row where there is such an index.
    static func end(_ index: IndexName) -> Statement<Bool> {
        Statement(
            """
            WITH ended AS (DELETE FROM question_logs WHERE index_id = (SELECT id FROM indexes WHERE name = $1))
            SELECT EXISTS (SELECT FROM indexes WHERE name = $1)
            """,
            [.text(index.rawValue)]
        ) { row throws(PostgresError) in try row.bool(0) }
    }

    static func newest(_ index: IndexName, _ tenant: TenantID?, _ limit: Int) -> Statement<LoggedQuestion> {
        Statement(
            """
            SELECT \(columns) FROM questions
            WHERE index_id = (SELECT id FROM indexes WHERE name = $1) AND ($2::text IS NULL OR tenant_id = $2)
            ORDER BY day DESC, id DESC LIMIT $3
            """,
            [.text(index.rawValue), .optionalText(tenant?.rawValue), .int8(Int64(limit))]
        ) { row throws(PostgresError) in try decode(row) }
    }

    static func find(_ id: Int64, _ index: IndexName) -> Statement<LoggedQuestion> {
        Statement(
            """
            SELECT \(columns) FROM questions WHERE id = $1 AND index_id = (SELECT id FROM indexes WHERE name = $2)
            """,
            [.int8(id), .text(index.rawValue)]
        ) { row throws(PostgresError) in try decode(row) }
    }

    /// A question that was kept on several days is one.
    static func sample(_ index: IndexID, _ count: Int, _ seed: UInt64) -> Statement<LoggedQuestion> {
        Statement(
            """
            SELECT \(columns) FROM (
                SELECT DISTINCT ON (tenant_id, query) * FROM questions WHERE index_id = $1
                ORDER BY tenant_id, query, day DESC
            ) AS latest ORDER BY hashint8extended(id, $2), id LIMIT $3
            """,
            [.int8(index.rawValue), .int8(Int64(bitPattern: seed)), .int8(Int64(count))]
        ) { row throws(PostgresError) in try decode(row) }
    }
}
