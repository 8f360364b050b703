package import SluiceCore
internal import SluicePostgres

/// A count that differs from the rows it stands for. There must never be one.
package struct BatchDivergence: Sendable, Equatable, CustomStringConvertible {
    package let batch: BatchID
    /// `pending`, `dead`, `total`; `settled` is completed and cancelled together; `waits_for` of nodes; `outcome`.
    package let what: String
    package let counted: Int
    package let found: Int

    package var description: String { "batch \(batch): \(what) says \(counted), its rows say \(found)" }
}

extension Store {
    /// Compares the counts of batches with their rows, and of waiting nodes with their edges, in one snapshot.
    ///
    /// Reads every live, dead and archived task of a batch. Batches older than the archive reaches back are compared by what
    /// is left of them: their settled tasks may have been dropped.
    ///
    /// - Parameter archive: how far back the archive is whole.
    package func recount(archive: Duration, limit: Int = 100) async throws -> [BatchDivergence] {
        try await pool.query(
            Statement(
                """
                WITH live AS (
                    SELECT batch_id AS id, count(*) AS count FROM tasks WHERE batch_id IS NOT NULL GROUP BY batch_id
                ), letters AS (
                    SELECT batch_id AS id, count(*) AS count FROM dead_letters WHERE batch_id IS NOT NULL GROUP BY batch_id
                ), settled AS (
                    SELECT batch_id AS id, count(*) AS count FROM tasks_archive WHERE batch_id IS NOT NULL GROUP BY batch_id
                ), inner_batches AS (
                    SELECT parent_id AS id, count(*) FILTER (WHERE outcome IS NULL) AS pending,
                        count(*) FILTER (WHERE outcome = 'failed') AS dead,
                        count(*) FILTER (WHERE outcome IN ('completed', 'cancelled', 'skipped')) AS settled
                    FROM batches WHERE parent_id IS NOT NULL GROUP BY parent_id
                ), both_ways AS (
                    SELECT batches.*, created_at > now() - make_interval(secs => $1) AS is_whole,
                        coalesce(live.count, 0) + coalesce(inner_batches.pending, 0) AS found_pending,
                        coalesce(letters.count, 0) + coalesce(inner_batches.dead, 0) AS found_dead,
                        coalesce(settled.count, 0) + coalesce(inner_batches.settled, 0) AS found_settled
                    FROM batches LEFT JOIN live USING (id) LEFT JOIN letters USING (id) LEFT JOIN settled USING (id)
                        LEFT JOIN inner_batches USING (id)
                )
                SELECT id, 'pending', pending, found_pending FROM both_ways WHERE pending <> found_pending
                UNION ALL
                SELECT id, 'dead', dead, found_dead FROM both_ways WHERE dead <> found_dead
                UNION ALL
                SELECT id, 'settled', completed + cancelled, found_settled FROM both_ways
                WHERE is_whole AND completed + cancelled <> found_settled
                UNION ALL
                SELECT id, 'total', total, pending + completed + dead + cancelled FROM both_ways
                WHERE total <> pending + completed + dead + cancelled
                UNION ALL
                SELECT id, 'outcome', (outcome IS NOT NULL)::int::int8, (pending = 0)::int::int8 FROM both_ways
                WHERE outcome IS NOT NULL AND (pending > 0 OR finished_at IS NULL) OR outcome IS NULL AND total > 0
                    AND pending = 0 AND (dead = 0 OR on_dead <> 'wait' OR cancel_requested_at IS NOT NULL)
                UNION ALL
                SELECT node.batch_id, 'waits_for', node.waits_for::int8, node.found FROM (
                    SELECT batch_id, waits_for, (
                        SELECT count(*) FROM workflow_edges WHERE to_node = node.id AND verdict IS NULL
                    ) + (
                        SELECT count(*) FROM workflow_nodes AS outer_node
                        WHERE outer_node.child_id = node.batch_id AND outer_node.state = 'waiting'
                    ) AS found
                    FROM workflow_nodes AS node WHERE node.state = 'waiting'
                ) AS node WHERE node.waits_for <> node.found OR node.waits_for = 0
                ORDER BY 1, 2 LIMIT $2
                """,
                [.float8(archive.inSeconds), .int8(Int64(limit))]
            ) { row throws(PostgresError) in
                BatchDivergence(
                    batch: BatchID(rawValue: try row.int64(0)),
                    what: try row.text(1),
                    counted: Int(try row.int64(2)),
                    found: Int(try row.int64(3))
                )
            }
        )
    }
}
