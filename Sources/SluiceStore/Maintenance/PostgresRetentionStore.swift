package import SluiceCore
package import SluiceDocuments
internal import SluicePostgres

/// What the pruner does not remove, since it does not depend on age alone or is not the queue's.
package struct PostgresRetentionStore: RetentionStore {
    private let store: Store
    private static let chunk = 5_000

    package init(_ store: Store) { self.store = store }

    private struct Sort: Sendable {
        let table: String
        let name: String
        let age: @Sendable (SweepPolicy) -> Duration
        /// In which `$1` is the age in seconds.
        let condition: String
    }

    private static let all = [
        Sort(
            table: "embedding_cache",
            name: "vectors of unused models",
            age: { $0.unusedModels },
            condition: """
                created_at < now() - make_interval(secs => $1) AND NOT EXISTS (
                    SELECT FROM index_versions WHERE index_versions.model_fingerprint = embedding_cache.model_fingerprint
                        AND state NOT IN ('retired', 'failed', 'aborted')
                )
                """
        ),
        Sort(
            table: "index_events",
            name: "index events",
            age: { $0.events },
            condition: "at < now() - make_interval(secs => $1)"
        ),
        Sort(
            table: "freshness_readings",
            name: "freshness readings",
            age: { $0.readings },
            condition: "at < now() - make_interval(secs => $1)"
        ),
        Sort(
            table: "questions",
            name: "questions of readers",
            // Each index says for itself for how long.
            age: { _ in .zero },
            condition: """
                $1::float8 IS NOT NULL AND day < (
                    SELECT (now() AT TIME ZONE 'UTC')::date - days FROM question_logs
                    WHERE question_logs.index_id = questions.index_id
                )
                """
        ),
    ]

    package var sorts: [String] { Self.all.map(\.name) }

    package func sweep(_ name: String, _ policy: SweepPolicy, fence: Fence) async throws -> Int? {
        guard let sort = Self.all.first(where: { $0.name == name }) else { return nil }
        let count = try await store.pool.transaction { transaction in
            try await store.hold(fence, in: transaction)
            return try await transaction.execute(
                Statement(
                    """
                    DELETE FROM \(sort.table) WHERE ctid = ANY (ARRAY(
                        SELECT ctid FROM \(sort.table) WHERE \(sort.condition) LIMIT $2 FOR UPDATE SKIP LOCKED
                    ))
                    """,
                    [.float8(sort.age(policy).inSeconds), .int8(Int64(Self.chunk))]
                )
            )
        }
        return count == 0 ? nil : count
    }

    /// What `sweep` would remove. Reads; changes nothing.
    package func count(_ policy: SweepPolicy) async throws -> [SweptRows] {
        var result: [SweptRows] = []
        for sort in Self.all {
            let rows = try await store.pool.query(
                Statement(
                    "SELECT count(*) FROM \(sort.table) WHERE \(sort.condition)",
                    [.float8(sort.age(policy).inSeconds)]
                ) { row throws(PostgresError) in Int(try row.int64(0)) }
            )
            result.append(SweptRows(name: sort.name, count: rows.first ?? 0))
        }
        return result
    }
}
