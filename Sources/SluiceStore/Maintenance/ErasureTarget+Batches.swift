internal import SluiceDocuments
internal import SluicePostgres

/// The statements of one batch of a step.
extension ErasureTarget {
    private static let rows: Int64 = 5_000
    /// 8 MiB.
    private static let pages: Int64 = 1_024

    /// Which rows the batch looks at, and what follows when it removed `count`.
    private func bounds(from position: Int64) -> String {
        guard case .byPages = way else { return "" }
        let name = quotedIdentifier(table)
        return " AND \(name).ctid >= '(\(position),0)'::tid AND \(name).ctid < '(\(position + Self.pages),0)'::tid"
    }

    func next(after position: Int64, removed: Int) -> Int64? {
        switch way {
        case .byIndex: removed < Self.rows ? nil : 0
        case .byPages(let pages): position + Self.pages < pages ? position + Self.pages : nil
        }
    }

    /// Rows of a table by their places, in a sub-select: the table is then met by nothing but those.
    private func picked(from position: Int64) -> String {
        let name = quotedIdentifier(table)
        let limit = if case .byIndex = way { " LIMIT \(Self.rows)" } else { "" }
        return """
            \(name).ctid = ANY (ARRAY(
                SELECT \(name).ctid FROM \(from) WHERE (\(condition))\(bounds(from: position))\(limit)
            ))
            """
    }

    /// - Returns: rows touched in the step's table.
    func remove(from position: Int64) -> Statement<Int> {
        let name = quotedIdentifier(table)
        let picked = picked(from: position)
        let change =
            switch action {
            case .delete, .deleteOrphans, .deleteUnanswered, .deleteUnused:
                "WITH gone AS (DELETE FROM \(name) WHERE \(picked) RETURNING 1)"
            case .deleteTasks:
                """
                WITH gone AS (DELETE FROM \(name) WHERE \(picked) RETURNING id), told AS (
                    DELETE FROM attempts USING gone WHERE attempts.task_id = gone.id
                )
                """
            case .deleteLetters:
                """
                WITH gone AS (DELETE FROM \(name) WHERE \(picked) RETURNING *), told AS (
                    DELETE FROM attempts USING gone WHERE attempts.task_id = gone.id
                ), \(BatchAccounting.move("gone", from: .dead, to: .cancelled))
                """
            case .deleteAnswers:
                """
                WITH gone AS (DELETE FROM \(name) WHERE \(picked) RETURNING query_id), touched AS (
                    UPDATE golden_sets SET digest = '' WHERE id IN (
                        SELECT set_id FROM golden_queries JOIN gone ON gone.query_id = golden_queries.id
                    ) RETURNING index_id
                ), told AS (
                    UPDATE indexes SET golden_revision = golden_revision + 1 WHERE id IN (SELECT index_id FROM touched)
                )
                """
            case .clearLabel: "WITH gone AS (UPDATE \(name) SET label = '' WHERE \(picked) RETURNING 1)"
            case .clearAudit:
                "WITH gone AS (UPDATE \(name) SET filter = '{}', reason = NULL WHERE \(picked) RETURNING 1)"
            case .clearGates, .clearEvents, .clearTexts:
                "WITH gone AS (UPDATE \(name) SET \(cleared()) WHERE \(picked) RETURNING 1)"
            }
        return Statement("\(change) SELECT count(*) FROM gone", values) { row throws(PostgresError) in
            Int(try row.int64(0))
        }
    }

    /// Whether anything is there, in the pages from `position` on.
    func exists(from position: Int64) -> Statement<Bool> {
        Statement(
            "SELECT EXISTS (SELECT FROM \(from) WHERE (\(condition))\(bounds(from: position)))",
            values
        ) { row throws(PostgresError) in try row.bool(0) }
    }
}
