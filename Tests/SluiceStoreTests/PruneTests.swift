import SluiceCore
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("Pruning and audit", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(2)))
struct PruneTests {
    @Test("what is beyond its age goes, and only that; counting first says the same")
    func ages() async throws {
        try await withTestStore { store in
            var old = try await WorkflowFixture(store, WorkflowFixture.workflow(.wait, [("a", [])]))
            try await old.settle(0, .retry(after: .zero, .leaseLost))
            _ = try await old.tasks.promoteDue(limit: 10)
            try await old.settle(0, .completed)
            var open = try await WorkflowFixture(store, WorkflowFixture.workflow(.fail, [("b", [])]))
            try await open.settle(0, .dead(.leaseLost))
            _ = try await store.beginAudit(who: "me@here", command: "dlq retry", filter: "{}", reason: nil)
            try await store.pool.withConnection { connection in
                for sql in [
                    "UPDATE attempts SET ended_at = now() - interval '40 days'",
                    "ALTER TABLE batches DISABLE TRIGGER close_batch",
                    "UPDATE batches SET finished_at = now() - interval '100 days' WHERE finished_at IS NOT NULL",
                    "ALTER TABLE batches ENABLE TRIGGER close_batch",
                    "UPDATE audit_events SET at = now() - interval '400 days'",
                    """
                    INSERT INTO embedding_cache (tenant_id, model_fingerprint, content_hash, embedding, created_at)
                    SELECT 'default', 'm', ('\\x0' || n)::bytea, '[1]'::halfvec, now() - n * interval '60 days'
                    FROM generate_series(1, 2) AS n
                    """,
                    """
                    WITH index AS (
                        INSERT INTO indexes (name) VALUES ('pruned') RETURNING id
                    ), document AS (
                        INSERT INTO documents (tenant_id, index_id, uri) SELECT 'default', id, 'file:///a' FROM index RETURNING id
                    )
                    INSERT INTO document_versions (
                        tenant_id, document_id, number, state, content_sha256, byte_count, fingerprint, media_type, page_count,
                        character_count, created_at
                    )
                    SELECT 'default', id, n, CASE n WHEN 3 THEN 'live' ELSE 'superseded' END, '\\x00', 1, 'f', 'text/plain', 1, 1,
                        now() - (60 - 20 * n % 60) * interval '1 day'
                    FROM document, generate_series(1, 3) AS n
                    """,
                ] { try await connection.script(sql) }
            }
            let policy = RetentionPolicy()
            let expected = ["attempts", "batches", "document_versions", "embedding_cache", "audit_events"].map {
                "\($0): 1"
            }
            #expect(try await store.countPrunable(policy).map { "\($0.name): \($0.count)" } == expected)
            #expect(try await store.prune(policy).map { "\($0.name): \($0.count)" } == expected)
            #expect(try await store.prune(policy).allSatisfy { $0.count == 0 })
            #expect(try await store.batches(tenant: .default, limit: 10).map(\.id) == [open.enqueued.batch])
        }
    }

    @Test("an audit event is kept up to date by its command")
    func audit() async throws {
        try await withTestStore { store in
            let filter = #"{"queue": "ingestion"}"#
            let id = try await store.beginAudit(who: "me@here", command: "dlq purge", filter: filter, reason: "why")
            try await store.audited(id, adding: 3, isOver: false)
            var event = try #require(try await store.auditEvents(limit: 5).first)
            #expect(event.id == id && event.count == 3 && event.endedAt == nil && event.reason == "why")
            #expect(event.filter == filter && event.who == "me@here" && event.command == "dlq purge")
            try await store.audited(id, adding: 2, isOver: true)
            event = try #require(try await store.auditEvents(limit: 5).first)
            #expect(event.count == 5 && event.endedAt != nil)
        }
    }
}
