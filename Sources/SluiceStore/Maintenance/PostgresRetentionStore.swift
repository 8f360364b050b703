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
        var condition = "at < now() - make_interval(secs => $1)"
        /// What the table is read with.
        var join = ""
    }

    private static let cache = "vectors of unused models"
    private static let aged = [
        Sort(table: "index_events", name: "index events", age: { $0.events }),
        Sort(table: "freshness_readings", name: "freshness readings", age: { $0.readings }),
        Sort(
            table: "questions",
            name: "questions of readers",
            // Each index says for itself for how long.
            age: { _ in .zero },
            condition: "$1::float8 IS NOT NULL AND day < (now() AT TIME ZONE 'UTC')::date - days",
            // One index after the other: `questions_index_idx` finds its old ones.
            join: "JOIN question_logs ON question_logs.index_id = questions.index_id"
        ),
    ]

    package var sorts: [String] { [Self.cache] + Self.aged.map(\.name) }

    package func sweep(
        _ name: String,
        _ policy: SweepPolicy,
        from position: SweepPosition,
        fence: Fence
    ) async throws -> SweepStep {
        try await store.pool.transaction { transaction in
            try await store.hold(fence, in: transaction)
            if name == Self.cache { return try await sweepCache(policy, from: position, in: transaction) }
            guard let sort = Self.aged.first(where: { $0.name == name }) else {
                return SweepStep(removed: 0, next: nil)
            }
            let count = try await transaction.execute(
                Statement(
                    """
                    DELETE FROM \(sort.table) WHERE ctid = ANY (ARRAY(
                        SELECT \(sort.table).ctid FROM \(sort.table) \(sort.join) WHERE \(sort.condition) LIMIT $2
                        FOR UPDATE OF \(sort.table) SKIP LOCKED
                    ))
                    """,
                    [.float8(sort.age(policy).inSeconds), .int8(Int64(Self.chunk))]
                )
            )
            return SweepStep(removed: count, next: count == 0 ? nil : .start)
        }
    }

    /// One page of what a tenant has of an unused model. Each row is met once, whether it is old or young.
    private func sweepCache(
        _ policy: SweepPolicy,
        from position: SweepPosition,
        in transaction: PostgresTransaction
    ) async throws -> SweepStep {
        let (tenant, model, hash): (String, String, [UInt8])
        if case .cached(let known, let its, let after?) = position {
            (tenant, model, hash) = (known, its, after)
        } else {
            guard let next = try await transaction.query(UnusedVectors.next(after: position)).first else {
                return SweepStep(removed: 0, next: nil)
            }
            (tenant, model, hash) = (next.tenant, next.model, [])
        }
        let page = UnusedVectors.remove(
            tenant,
            model,
            after: hash,
            limit: Self.chunk,
            age: policy.unusedModels
        )
        guard let swept = try await transaction.query(page).first else {
            throw PostgresError(.server, "no counts of a sweep came back")
        }
        let last = swept.looked < Self.chunk ? nil : swept.last
        return SweepStep(removed: swept.removed, next: .cached(tenant: tenant, model: model, hash: last))
    }

    /// What `sweep` would remove. Reads; changes nothing. May take minutes where a model with many vectors is not used any more.
    package func count(_ policy: SweepPolicy) async throws -> [SweptRows] {
        let cached = try await store.unhurried { connection in
            try await connection.reply(UnusedVectors.count(policy.unusedModels), timeout: .seconds(600)).rows
        }
        var result = [SweptRows(name: Self.cache, count: cached.first ?? 0)]
        for sort in Self.aged {
            let rows = try await store.pool.query(
                Statement(
                    "SELECT count(*) FROM \(sort.table) \(sort.join) WHERE \(sort.condition)",
                    [.float8(sort.age(policy).inSeconds)]
                ) { row throws(PostgresError) in Int(try row.int64(0)) }
            )
            result.append(SweptRows(name: sort.name, count: rows.first ?? 0))
        }
        return result
    }
}
