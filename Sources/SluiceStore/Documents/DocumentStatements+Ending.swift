internal import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres

/// How ingests end, and who is told. Clock: the server's `now()`.
extension DocumentStatements {
    static func end(_ id: DocumentID, outcome: ExtractionOutcome, detail: String) -> Statement<Void> {
        Statement(
            """
            UPDATE documents SET outcome = $2, outcome_detail = $3, updated_at = now(),
                state = CASE WHEN live_version IS NULL THEN 'failed' ELSE 'live' END
            WHERE id = $1
            """,
            [.int8(id.rawValue), .text(outcome.name), .text(detail)]
        )
    }

    /// Notes that the source was read and is what is live.
    static func unchanged(_ id: DocumentID) -> Statement<Void> {
        Statement(
            """
            UPDATE documents SET outcome = 'ok', outcome_detail = 'unchanged', updated_at = now(), checked_at = now(),
                state = CASE WHEN live_version IS NULL THEN 'failed' ELSE 'live' END
            WHERE id = $1
            """,
            [.int8(id.rawValue)]
        )
    }

    /// Notes why the source could not be read. What an extraction said before is about other bytes, and goes.
    static func unreadable(_ id: DocumentID, detail: String) -> Statement<Void> {
        Statement(
            """
            UPDATE documents SET outcome = NULL, outcome_detail = $2, updated_at = now(),
                state = CASE WHEN live_version IS NULL THEN 'failed' ELSE 'live' END
            WHERE id = $1
            """,
            [.int8(id.rawValue), .text(detail)]
        )
    }

    /// Tells the ingests that wait for the document how it ended: those that asked before its source was read.
    ///
    /// - Parameter request: the newest request that had been made by then.
    static func tellBatches(_ id: DocumentID, _ result: String, upTo request: Int64) -> Statement<Void> {
        Statement(
            "UPDATE batch_documents SET result = $2 WHERE document_id = $1 AND result IS NULL AND request <= $3",
            [.int8(id.rawValue), .text(result), .int8(request)]
        )
    }

    /// Who asked up to `request` waits for this version from now on. Touches no row when it is not under way any more.
    static func join(_ version: DocumentVersionID, request: Int64) -> Statement<Void> {
        Statement(
            "UPDATE document_versions SET request = greatest(request, $2) WHERE id = $1 AND state = 'embedding'",
            [.int8(version.rawValue), .int8(request)]
        )
    }

    /// The newest batch that asked for the document after `request`; none when nobody waits any more.
    static func laterBatch(_ id: DocumentID, after request: Int64) -> Statement<BatchID> {
        Statement(
            """
            SELECT batch_id FROM batch_documents WHERE document_id = $1 AND result IS NULL AND request > $2
            ORDER BY request DESC LIMIT 1
            """,
            [.int8(id.rawValue), .int8(request)]
        ) { row throws(PostgresError) in BatchID(rawValue: try row.int64(0)) }
    }

    /// Later requests wait for this task from now on.
    static func awaitTask(_ task: TaskID, for id: DocumentID, after request: Int64) -> Statement<Void> {
        Statement(
            """
            WITH told AS (UPDATE documents SET task_id = $1 WHERE id = $2)
            UPDATE batch_documents SET task_id = $1 WHERE document_id = $2 AND result IS NULL AND request > $3
            """,
            [.int8(task.rawValue), .int8(id.rawValue), .int8(request)]
        )
    }

    /// Versions under way are given up: a newer one takes their place. Their `chunks.embed` tasks then end without effect.
    /// Touches a row exactly when there was one.
    static func abandonUnfinished(_ id: DocumentID) -> Statement<Void> {
        Statement(
            """
            WITH abandoned AS (
                UPDATE document_versions SET state = 'abandoned' WHERE document_id = $1 AND state = 'embedding' RETURNING id
            ), cleared AS (
                DELETE FROM staged_chunks USING abandoned WHERE version_id = abandoned.id
            ), forgotten AS (
                DELETE FROM document_texts USING abandoned WHERE document_id = $1 AND version_id = abandoned.id
            )
            SELECT id FROM abandoned
            """,
            [.int8(id.rawValue)]
        )
    }

    /// Dead windows of versions that were given up: to the archive as cancelled, off their batches' dead.
    ///
    /// - Index: `dead_letters_version_idx`. Locks batches: run it last.
    static func forgetDeadWindows(_ id: DocumentID) -> Statement<Void> {
        Statement(
            """
            WITH gone AS (
                DELETE FROM dead_letters USING document_versions AS version
                WHERE version.document_id = $1 AND version.state = 'abandoned' AND \(deadWindow(of: "version.id"))
                RETURNING dead_letters.*
            ), archived AS (
                INSERT INTO tasks_archive (
                    id, tenant_id, queue, kind, state, attempt, crash_count, payload_version, payload, batch_id,
                    unique_key, reason, created_at
                )
                SELECT id, tenant_id, queue, kind, 'cancelled', attempt, crash_count, payload_version, payload, batch_id,
                    unique_key, 'superseded by a newer version; died of ' || error_class, created_at
                FROM gone
            ), \(BatchAccounting.move("gone", from: .dead, to: .cancelled))
            SELECT count(*) FROM gone
            """,
            [.int8(id.rawValue)]
        )
    }
}
