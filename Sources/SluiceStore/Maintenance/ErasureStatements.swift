internal import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres

/// Erasures and their receipts. Clock: the server's `now()`.
enum ErasureStatements {
    /// No row when it is complete.
    static func open(_ id: ErasureID) -> Statement<Erasure> {
        Statement(
            """
            SELECT id, tenant_id, document_id, uri, passed_at IS NOT NULL FROM erasures WHERE id = $1 AND completed_at IS NULL
            """,
            [.int8(id.rawValue)]
        ) { row throws(PostgresError) in
            let tenant = TenantID(trusted: try row.text(1))
            let subject: ErasureSubject =
                if let document = try row.optionalInt64(2) {
                    .document(DocumentID(rawValue: document), tenant: tenant, uri: try row.text(3))
                } else { .tenant(tenant) }
            return Erasure(
                id: ErasureID(rawValue: try row.int64(0)),
                subject: subject,
                hasPassed: try row.bool(4)
            )
        }
    }

    /// No row when one is under way already.
    static func request(
        _ subject: ErasureSubject,
        salt: [UInt8],
        digest: [UInt8],
        who: String
    ) -> Statement<ErasureID> {
        let (scope, document, uri): (String, Int64?, String?) =
            switch subject {
            case .tenant: ("tenant", nil, nil)
            case .document(let id, _, let uri): ("document", id.rawValue, uri)
            }
        return Statement(
            """
            INSERT INTO erasures (scope, salt, subject, tenant_id, document_id, uri, who) VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (tenant_id, coalesce(document_id, 0)) WHERE completed_at IS NULL DO NOTHING RETURNING id
            """,
            [
                .text(scope), .bytes(salt), .bytes(digest), .text(subject.tenant.rawValue), .optionalInt8(document),
                .optionalText(uri), .text(who),
            ]
        ) { row throws(PostgresError) in ErasureID(rawValue: try row.int64(0)) }
    }

    static func find(_ subject: ErasureSubject) -> Statement<ErasureID> {
        let document: Int64? = if case .document(let id, _, _) = subject { id.rawValue } else { nil }
        return Statement(
            """
            SELECT id FROM erasures
            WHERE completed_at IS NULL AND tenant_id = $1 AND document_id IS NOT DISTINCT FROM $2
            """,
            [.text(subject.tenant.rawValue), .optionalInt8(document)]
        ) { row throws(PostgresError) in ErasureID(rawValue: try row.int64(0)) }
    }

    static func setTask(_ id: ErasureID, _ task: TaskID) -> Statement<Void> {
        Statement("UPDATE erasures SET task_id = $2 WHERE id = $1", [.int8(id.rawValue), .int8(task.rawValue)])
    }

    static func count(_ id: ErasureID, _ table: String, _ rows: Int) -> Statement<Void> {
        Statement(
            "SELECT sluice_count_erased($1, $2, $3)",
            [.int8(id.rawValue), .text(table), .int8(Int64(rows))]
        )
    }

    static func passed(_ id: ErasureID) -> Statement<Void> {
        Statement("UPDATE erasures SET passed_at = now() WHERE id = $1", [.int8(id.rawValue)])
    }

    /// True while a snapshot is held, or may be, in which the request is not committed yet: its transaction may store something without
    /// knowing of the erasure, also one that has written nothing so far. Vacuums and builds of indexes hold some for hours and
    /// store nothing.
    ///
    /// The server shows other roles' snapshots to everyone, but not what kind of process has them.
    static func hasOlderSnapshots(_ id: ErasureID) -> Statement<Bool> {
        Statement(
            """
            SELECT horizon IS NULL AND EXISTS (
                SELECT FROM pg_stat_activity AS other
                WHERE datname = current_database() AND pid <> pg_backend_pid()
                    AND coalesce(backend_type, 'client backend') IN ('client backend', 'background worker')
                    AND age(backend_xmin) >= age(requested_in::xid)
                    AND pid NOT IN (
                        SELECT pid FROM pg_stat_progress_vacuum UNION ALL SELECT pid FROM pg_stat_progress_analyze
                        UNION ALL SELECT pid FROM pg_stat_progress_create_index UNION ALL SELECT pid FROM pg_stat_replication
                    )
            )
            FROM erasures WHERE id = $1
            """,
            [.int8(id.rawValue)]
        ) { row throws(PostgresError) in try row.bool(0) }
    }

    /// Notes, once, below what all transactions are that may have stored something from such a snapshot.
    static func setHorizon(_ id: ErasureID) -> Statement<Void> {
        Statement(
            """
            UPDATE erasures SET horizon = pg_snapshot_xmax(pg_current_snapshot()) WHERE id = $1 AND horizon IS NULL
            """,
            [.int8(id.rawValue)]
        )
    }

    /// True while one of those transactions is open.
    static func hasOlderTransactions(_ id: ErasureID) -> Statement<Bool> {
        Statement(
            """
            SELECT coalesce(pg_snapshot_xmin(pg_current_snapshot()) < horizon, true) FROM erasures WHERE id = $1
            """,
            [.int8(id.rawValue)]
        ) { row throws(PostgresError) in try row.bool(0) }
    }

    /// Whether the tenant, or the document of one of these URIs, is being erased.
    static func isErasing(_ tenant: TenantID, _ index: IndexID, _ uris: [String]) -> Statement<Bool> {
        Statement(
            """
            SELECT EXISTS (
                SELECT FROM erasures WHERE completed_at IS NULL AND tenant_id = $1 AND (
                    scope = 'tenant' OR uri = ANY ($3::text[])
                        AND document_id IN (SELECT id FROM documents WHERE tenant_id = $1 AND index_id = $2)
                )
            )
            """,
            [.text(tenant.rawValue), .int8(index.rawValue), .textArray(uris)]
        ) { row throws(PostgresError) in try row.bool(0) }
    }

    /// Running tasks of a tenant, which are told to stop.
    ///
    /// - Index: `tasks_running_idx`.
    static func stopRunning(_ tenant: TenantID) -> Statement<Void> {
        Statement(
            """
            UPDATE tasks SET cancel_reason = 'what it works for is being erased'
            WHERE state = 'running' AND tenant_id = $1 AND cancel_reason IS NULL
            """,
            [.text(tenant.rawValue)]
        )
    }

    static func countRunning(_ tenant: TenantID) -> Statement<Int> {
        Statement(
            "SELECT count(*) FROM tasks WHERE state = 'running' AND tenant_id = $1",
            [.text(tenant.rawValue)]
        ) { row throws(PostgresError) in Int(try row.int64(0)) }
    }

    /// The names go; the salted digest stays. The row's policy wants the scope of the fleet.
    static func close(_ id: ErasureID) -> Statement<Void> {
        Statement(
            """
            UPDATE erasures SET tenant_id = NULL, document_id = NULL, uri = NULL, completed_at = clock_timestamp()
            WHERE id = $1 AND completed_at IS NULL
            """,
            [.int8(id.rawValue)]
        )
    }
}
