internal import SluiceCore
internal import SluicePostgres
internal import SluiceRedis
package import SluiceStore

/// Reads a history from PostgreSQL and Redis.
package enum HistoryReader {
    package static func read(_ store: Store) async throws -> History {
        var history = History()
        history.enqueued = try await store.pool.query(enqueued)
        history.ended = try await store.pool.query(ended)
        history.live = Set(try await store.pool.query(live))
        history.effects = try await store.pool.query(effects)
        history.claims = try await store.pool.query(claims)
        history.batches = try await store.pool.query(batches)
        history.spans = try await store.pool.query(spans)
        return history
    }

    private static let enqueued = Statement(
        "SELECT task_id, steps, batch_id, key, at FROM lab_enqueued"
    ) { row throws(PostgresError) in
        History.Enqueued(
            task: try row.int64(0),
            steps: try row.int32(1),
            batch: try row.optionalInt64(2),
            key: try row.optionalText(3),
            at: try row.timestamp(4)
        )
    }

    private static let ended = Statement(
        """
        SELECT id, state, lease_token, finished_at FROM tasks_archive
        UNION ALL SELECT id, 'dead', NULL, died_at FROM dead_letters
        """
    ) { row throws(PostgresError) in
        History.Ended(
            task: try row.int64(0),
            ending: History.Ending(rawValue: try row.text(1)) ?? .dead,
            token: try row.optionalInt64(2),
            at: try row.timestamp(3)
        )
    }

    private static let live = Statement("SELECT id FROM tasks") { row throws(PostgresError) in try row.int64(0) }

    private static let effects = Statement(
        "SELECT task_id, lease_token, step FROM lab_effects"
    ) { row throws(PostgresError) in
        History.Effect(task: try row.int64(0), token: try row.int64(1), step: try row.int32(2))
    }

    private static let claims = Statement(
        "SELECT task_id, lease_token FROM lab_starts UNION SELECT task_id, lease_token FROM attempts"
    ) { row throws(PostgresError) in History.Claim(task: try row.int64(0), token: try row.int64(1)) }

    private static let batches = Statement(
        "SELECT id, total, pending, completed, dead, cancelled, finished_at IS NOT NULL FROM batches"
    ) { row throws(PostgresError) in
        History.Batch(
            id: try row.int64(0),
            total: Int(try row.int64(1)),
            pending: Int(try row.int64(2)),
            completed: Int(try row.int64(3)),
            dead: Int(try row.int64(4)),
            cancelled: Int(try row.int64(5)),
            isFinished: try row.bool(6)
        )
    }

    /// Handlers that came to their effect; the load is one tenant's, one kind and one queue.
    private static let spans = Statement(
        """
        SELECT lab_starts.at, min(lab_effects.at) FROM lab_starts JOIN lab_effects USING (task_id, lease_token)
        GROUP BY task_id, lease_token, lab_starts.at
        """
    ) { row throws(PostgresError) in
        History.Span(
            scopes: ["queue/faults", "tenant/default", "kind/lab.work"],
            from: try row.timestamp(0),
            to: try row.timestamp(1)
        )
    }

    /// Ids in windows and in workers' lists.
    package static func hints(url: String, prefix: String) async throws -> Set<Int64> {
        let client = RedisClient(try RedisConfiguration(url: url))
        defer { client.close() }
        var keys: Set<String> = []
        var cursor = "0"
        repeat {
            let reply = try await client.command(["SCAN", .text(cursor), "MATCH", .text("{\(prefix)}*"), "COUNT", 1000])
            cursor = reply.elements?.first?.text ?? "0"
            keys.formUnion(reply.elements?.last?.elements?.compactMap(\.text) ?? [])
        } while cursor != "0"
        var ids: Set<Int64> = []
        for key in keys where key.contains(":window:") || key.contains(":proc:") {
            let isList = try await client.command(["TYPE", .text(key)]).text == "list"
            let members: RedisValue =
                isList
                ? try await client.command(["LRANGE", .text(key), 0, -1])
                : try await client.command(["SMEMBERS", .text(key)])
            ids.formUnion((members.elements ?? []).compactMap { $0.text.flatMap { Int64($0) } })
        }
        return ids
    }
}
