internal import SluiceCore
internal import SluiceDocuments
package import SluicePostgres
internal import SluiceSystem
internal import Synchronization

/// Keeps what readers of this process ask, of the indexes whose operator wants it kept.
///
/// Beside the searches: they leave a question in memory, and what has come together is written every few seconds. No search waits for
/// it, and none fails for it: what cannot be written, or is too much, is dropped. What waits when the process ends is lost, unless
/// it calls `flush`.
package final class QuestionLog: Sendable {
    private struct Asked: Sendable {
        let tenant: TenantID
        let index: IndexName
        let text: String
        let mode: SearchMode
        /// Nil: what the index wants was not known.
        let isDrawn: Bool?
    }

    private struct State {
        var waiting: [Asked] = []
        var policies: [IndexName: QuestionLogStatements.Policy] = [:]
        /// Nil before the first look.
        var readAt: ContinuousClock.Instant?
        var writer: Work<Void>?
    }

    /// Questions that wait at most.
    private static let room = 256
    private static let pause = Duration.seconds(2)
    /// For how long what operators want is taken as known.
    private static let memory = Duration.seconds(30)
    /// Bytes; what is longer is no question.
    private static let longest = 2_000

    private let pool: PostgresPool
    private let state = Mutex(State())

    /// - Parameter pool: sessions in the fleet's schema, as the searcher's.
    package init(pool: PostgresPool) { self.pool = pool }

    /// Takes a few microseconds. Not kept: questions to a version by its number and those that come as vectors, as gates ask them.
    func note(_ request: SearchRequest) {
        guard request.version == nil, request.vector == nil, (1...Self.longest).contains(request.text.utf8.count),
            !request.text.utf8.contains(0)
        else { return }
        state.withLock { state in
            var isDrawn: Bool?
            if let readAt = state.readAt, ContinuousClock.now - readAt < Self.memory {
                isDrawn = state.policies[request.index]?.draws() ?? false
            }
            guard isDrawn != false, state.waiting.count < Self.room else { return }
            state.waiting.append(
                Asked(
                    tenant: request.tenant,
                    index: request.index,
                    text: request.text,
                    mode: request.mode,
                    isDrawn: isDrawn
                )
            )
            guard state.writer == nil else { return }
            state.writer = Work { await self.write(every: Self.pause) }
        }
    }

    /// Writes what waits now: for processes that end. Errors are passed over.
    package func flush() async {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        if waiting.isEmpty { return }
        try? await write(waiting)
    }

    private func write(every pause: Duration) async {
        while true {
            // What comes meanwhile goes along.
            try? await Task.sleep(for: pause)
            await flush()
            let isDone = state.withLock { state in
                guard state.waiting.isEmpty else { return false }
                state.writer = nil
                return true
            }
            if isDone { return }
        }
    }

    private func write(_ waiting: [Asked]) async throws {
        let policies = try await policies()
        let drawn = waiting.filter { $0.isDrawn ?? policies[$0.index]?.draws() ?? false }
        let groups = Dictionary(grouping: drawn) { Group(tenant: $0.tenant, index: $0.index) }
        for (group, asked) in groups {
            guard let policy = policies[group.index] else { continue }
            // One tenant's fault, such as being erased, is none of the others'.
            try? await pool.transaction(settings: [("sluice.tenant", group.tenant.rawValue)]) { transaction in
                try await transaction.execute(QuestionLogStatements.lock(policy.index, group.tenant))
                try await transaction.execute(
                    QuestionLogStatements.add(
                        asked.map { ($0.text, $0.mode.rawValue) },
                        of: group.tenant,
                        to: policy.index
                    )
                )
            }
        }
    }

    private struct Group: Hashable {
        let tenant: TenantID
        let index: IndexName
    }

    private func policies() async throws -> [IndexName: QuestionLogStatements.Policy] {
        let known = state.withLock { state in
            state.readAt.flatMap { ContinuousClock.now - $0 < Self.memory ? state.policies : nil }
        }
        if let known { return known }
        let read = try await pool.query(QuestionLogStatements.policies())
        let policies = Dictionary(read.map { ($0.name, $0) }) { first, _ in first }
        state.withLock { state in
            state.policies = policies
            state.readAt = .now
        }
        return policies
    }
}

/// Clock: the server's `now()`.
enum QuestionLogStatements {
    struct Policy: Sendable {
        let name: IndexName
        let index: IndexID
        let percent: Int

        func draws() -> Bool { percent >= 100 || Int.random(in: 0..<100) < percent }
    }

    static func policies() -> Statement<Policy> {
        Statement("SELECT indexes.name, index_id, percent FROM question_logs JOIN indexes ON indexes.id = index_id") {
            row throws(PostgresError) in
            Policy(
                name: IndexName(trusted: try row.text(0)),
                index: IndexID(rawValue: try row.int64(1)),
                percent: try row.int32(2)
            )
        }
    }

    /// Who writes for a tenant counts what others have written: one after the other.
    static func lock(_ index: IndexID, _ tenant: TenantID) -> Statement<Void> {
        Statement(
            "SELECT pg_advisory_xact_lock(hashtextextended('sluice.questions/' || $1::text || '/' || $2, 0))",
            [.int8(index.rawValue), .text(tenant.rawValue)]
        )
    }

    /// Until the day is full; what was asked before that day is only counted. Nothing where the log has ended, or the tenant is none.
    /// Fails for a tenant that is being erased.
    static func add(
        _ questions: [(text: String, mode: String)],
        of tenant: TenantID,
        to index: IndexID
    ) -> Statement<Void> {
        Statement(
            """
            WITH today AS (
                SELECT (now() AT TIME ZONE 'UTC')::date AS day, per_day FROM question_logs
                WHERE index_id = $1 AND EXISTS (SELECT FROM tenants WHERE id = $2) AND sluice_admit(ARRAY[$2])
            ), added AS (
                SELECT query, (array_agg(mode ORDER BY place))[1] AS mode, count(*) AS asked, min(place) AS place
                FROM unnest($3::text[], $4::text[]) WITH ORDINALITY AS added (query, mode, place) GROUP BY query
            ), again AS (
                UPDATE questions SET asked = questions.asked + added.asked FROM added, today
                WHERE tenant_id = $2 AND index_id = $1 AND questions.day = today.day
                    AND hashtextextended(questions.query, 0) = hashtextextended(added.query, 0)
                RETURNING added.query
            )
            INSERT INTO questions (index_id, tenant_id, day, query, mode, asked)
            SELECT $1, $2, today.day, added.query, added.mode, added.asked
            FROM today, added WHERE added.query NOT IN (SELECT query FROM again)
            ORDER BY place LIMIT (
                SELECT greatest(0, per_day - (
                    SELECT count(*) FROM questions WHERE tenant_id = $2 AND index_id = $1 AND questions.day = today.day
                )) FROM today
            )
            ON CONFLICT DO NOTHING
            """,
            [
                .int8(index.rawValue), .text(tenant.rawValue), .textArray(questions.map(\.text)),
                .textArray(questions.map(\.mode)),
            ]
        )
    }
}
