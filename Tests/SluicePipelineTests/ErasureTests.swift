import SluiceCore
import SluiceDocuments
import SluicePipeline
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("Erasing", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(5)))
struct ErasureTests {
    private static let acme = TenantID(trusted: "acme-zq")
    private static let other = TenantID(trusted: "other")
    private static let words = ["acme-zq", "quetzal", "zirconium"]

    /// A tenant with live, failed, dead and waiting work, schedules, limits and a workflow; and another one like it.
    private func fill(_ fixture: PipelineFixture, _ tenant: TenantID, word: String) async throws {
        let files = try (0..<4).map {
            try fixture.write(
                "\(word)-\($0).txt",
                "The \(word) number \($0) is here.\n\nIt says \(tenant) twice: \(tenant)."
            )
        }
        _ = try await fixture.request(files, tenant: tenant, label: "papers of \(word)")
        let broken = try fixture.write("\(word)-broken.txt", "This \(word) text breaks the model.")
        _ = try await fixture.request([broken], tenant: tenant)
        _ = try await fixture.request(["file:///nowhere/\(word).txt"], tenant: tenant)
        fixture.embedder.fail(breaking: "breaks the model")
        try await fixture.drain()
        try fixture.write("\(word)-1.txt", "The \(word) number 1 was rewritten.")
        _ = try await fixture.request([files[1]], tenant: tenant)
        try await fixture.drain()
        let store = fixture.store
        try await store.pool.execute(
            Statement(
                """
                INSERT INTO schedules (tenant_id, name, rule, queue, kind, payload, next_fire_at)
                VALUES ($1, $2, '@daily', 'maintenance', 'noop', jsonb_build_object('note', $2), now())
                """,
                [.text(tenant.rawValue), .text(word)]
            )
        )
        try await store.pool.execute(
            Statement(
                "INSERT INTO controls (scope, name, queue, max_running) VALUES ('tenant', $1, '*', 50)",
                [.text(tenant.rawValue)]
            )
        )
        let event = try await store.beginAudit(
            who: "me@here",
            command: "tasks cancel",
            filter: #"{"tenant": "\#(tenant)"}"#,
            reason: "as \(tenant) wished"
        )
        try await store.audited(event, adding: 1, isOver: true)
        try await store.pool.withConnection {
            try await $0.script(
                """
                UPDATE index_versions SET problem = concat_ws(' ', problem, 'no room for \(tenant), says \(tenant).');
                INSERT INTO index_events (index_id, event, detail)
                SELECT id, 'odd', '{"reason": "\(tenant) and \(tenant) wished"}' FROM indexes;
                WITH run AS (
                    INSERT INTO gate_runs (version_id, kind, verdict, seconds, epoch, vectors, newest_chunk, thresholds,
                        golden_revision, seed)
                    SELECT id, 'gates', 'no_go', 1, 1, 1, 1, '{}', 0, 7 FROM index_versions RETURNING id
                )
                INSERT INTO gate_results (run_id, position, gate, outcome, detail)
                SELECT id, 1, 'coverage', 'failed', '{"note": "\(tenant) lacks some", "figures": [
                    {"name": "coverage", "slice": "\(tenant)", "value": 0.5}, {"name": "coverage", "slice": "all", "value": 1}
                ]}' FROM run;
                INSERT INTO gate_results (run_id, position, gate, outcome, detail)
                SELECT id, (SELECT max(position) + 1 FROM gate_results WHERE run_id = gate_runs.id), 'quality', 'passed', '{"note": "30 questions", "figures": [
                    {"name": "ndcg", "slice": "tenant \(tenant)", "value": 0.5}, {"name": "questions", "value": 30}
                ]}' FROM gate_runs;
                INSERT INTO attempts (task_id, tenant_id, attempt, lease_token, outcome, error_class, error_message)
                SELECT coalesce(max(task_id), 0) + 1, 'default', 1, 1, 'failed', 'odd', 'the index of tenant \(tenant) is not valid'
                FROM attempts;
                INSERT INTO dead_letters (id, tenant_id, queue, kind, priority, attempt, max_attempts, crash_count, timeout_seconds,
                    payload_version, payload, error_class, error_message, fingerprint, created_at)
                SELECT coalesce(max(id), 900000) + 1, 'default', 'maintenance', 'odd', 5, 1, 1, 0, 60, 1, '{}', 'odd',
                    'the index of tenant \(tenant) is not valid', '', now() FROM dead_letters;
                INSERT INTO tasks_archive (id, tenant_id, queue, kind, state, attempt, crash_count, payload_version, payload,
                    reason, created_at)
                SELECT coalesce(max(id), 0) + 1, 'default', 'maintenance', 'odd', 'cancelled', 1, 0, 1, '{}',
                    'for \(tenant)', now() FROM tasks_archive;
                """
            )
        }
        _ = try await store.enqueueByCopy([
            NewTask(
                tenant: tenant,
                queue: .ingestion,
                kind: NoopInput.kind,
                payload: #"{"a": "\#(word)"}"#,
                delay: .seconds(900)
            )
        ])
    }

    @Test("a tenant is forgotten everywhere, the other is as it was, and the receipt says what went")
    func tenant() async throws {
        try await PipelineFixture.run { fixture in
            try await fill(fixture, Self.acme, word: "quetzal")
            try await fill(fixture, Self.other, word: "heron")
            let before = try await fixture.rows(of: Self.other)
            #expect(try await fixture.rows(of: Self.acme).values.reduce(0, +) > 30)
            try await fixture.store.pool.withConnection {
                try await $0.script("CREATE INDEX large ON embeddings_g1 (chunk_id) WHERE tenant_id = 'acme-zq'")
            }
            let id = try await fixture.erase(Self.acme)
            #expect(try await fixture.erase(Self.acme) == id)
            try await fixture.drain()

            #expect(try await fixture.tables(holding: Self.words) == [])
            #expect(try await fixture.count("SELECT count(*) FROM pg_indexes WHERE indexdef LIKE '%acme-zq%'") == 0)
            #expect(
                try await fixture.count(
                    "SELECT count(*) FROM gate_results WHERE detail -> 'figures' -> 1 ->> 'slice' = 'all'"
                )
                    == 2
            )
            #expect(
                try await fixture.count(
                    """
                    SELECT count(*) FROM gate_results WHERE detail @> '{"figures": [{"name": "ndcg", "slice": "tenant (erased)",
                        "value": 0.5}, {"name": "questions", "value": 30}]}'
                    """
                )
                    == 1
            )
            #expect(
                try await fixture.count(
                    "SELECT count(*) FROM dead_letters WHERE error_message = 'the index of tenant (erased) is not valid'"
                )
                    == 1
            )
            #expect(try await fixture.rows(of: Self.other) == before)
            #expect(try await fixture.tables(holding: ["heron"]).count > 5)
            let receipt = try #require(try await fixture.receipt(id))
            #expect(receipt.completedAt != nil && receipt.tenant == nil && receipt.who == "me@here")
            #expect(receipt.isOf(ErasureName(tenant: Self.acme)) && !receipt.isOf(ErasureName(tenant: Self.other)))
            let counts = Dictionary(uniqueKeysWithValues: receipt.counts.map { ($0.table, $0.rows) })
            #expect(counts["documents"] == 6 && counts["tenants"] == 1 && counts["schedules"] == 1)
            #expect(counts["controls"] == 1 && counts["audit_events"] == 1 && (counts["dead_letters"] ?? 0) >= 2)
            #expect((counts["chunks"] ?? 0) >= 4 && counts["chunks"] == counts["embeddings"])

            // It can be made anew.
            let file = try fixture.write("again.txt", "Here again.")
            let batch = try await fixture.request([file], tenant: Self.acme)
            try await fixture.drain()
            #expect(try await fixture.documents.ingestState(batch, tenant: Self.acme).results == ["ok": 1])
        }
    }

    @Test("from the request on nothing is stored for the tenant, by any way in")
    func refuses() async throws {
        try await PipelineFixture.run { fixture in
            try await fill(fixture, Self.acme, word: "quetzal")
            let file = try fixture.write("late.txt", "A late quetzal.")
            _ = try await fixture.request([file], tenant: Self.acme)
            let held = try #require(try await fixture.claim(.ingestion))
            let id = try await fixture.erase(Self.acme)
            let task = NewTask(tenant: Self.acme, queue: .ingestion, kind: NoopInput.kind, payload: "{}")
            func refusal(_ body: () async throws -> Void) async -> String? {
                do { try await body() } catch let failure as TaskFailure { return failure.errorClass } catch {
                    return "\(error)"
                }
                return nil
            }
            #expect(await refusal { _ = try await fixture.tasks.enqueue([task]) } == "tenant.erasing")
            #expect(await refusal { _ = try await fixture.store.enqueueByCopy([task]) } == "tenant.erasing")
            var replacing = task
            (replacing.uniqueKey, replacing.onConflict) = ("key", .replace)
            #expect(await refusal { _ = try await fixture.tasks.enqueue([replacing]) } == "tenant.erasing")
            #expect(await refusal { _ = try await fixture.request([file], tenant: Self.acme) } == "document.erasing")
            await #expect {
                try await fixture.store.pool.execute(Statement("SELECT enqueue('noop', tenant => 'acme-zq')"))
            } throws: { ($0 as? PostgresError)?.sqlState == "SLE01" }
            // Others are free.
            _ = try await fixture.tasks.enqueue([
                NewTask(tenant: Self.other, queue: .ingestion, kind: NoopInput.kind, payload: "{}")
            ])

            // The attempt that runs cannot store its document; the erasure waits for it.
            let handler = try #require(fixture.registry.handler(for: held.kind))
            #expect(
                await refusal {
                    _ = try await handler.perform(held, AttemptContext(task: held, logger: TestServers.quiet))
                } == "document.gone"
            )
            let verdict = try #require(try await fixture.perform(.maintenance, fixture.registry))
            guard case .snoozed(_, let reason) = verdict else {
                Issue.record("\(verdict as Any)")
                return
            }
            #expect(reason.contains("1 tasks"))
            _ = try await fixture.tasks.settle(
                [Settlement(held.fence, .cancelled(reason: "erased"))],
                worker: fixture.worker
            )
            _ = try await fixture.store.pool.execute(
                Statement("UPDATE tasks SET run_at = now() WHERE state = 'scheduled'")
            )
            try await fixture.drain()
            #expect(try await fixture.receipt(id)?.completedAt != nil)
            #expect(try await fixture.tables(holding: Self.words) == [])
        }
    }

    @Test("while an older transaction is open nothing is called erased; an attempt cut off is taken up again")
    func olderTransaction() async throws {
        try await PipelineFixture.run { fixture in
            try await fill(fixture, Self.acme, word: "quetzal")
            let store = fixture.store
            let id: ErasureID = try await store.pool.transaction { transaction in
                // It began before the erasure and stores what it could not know to be unwanted.
                try await transaction.execute(Statement("INSERT INTO tenants (id) VALUES ('older')"))
                let id = try await fixture.erase(Self.acme)
                let verdict = try await fixture.perform(.maintenance, fixture.registry)
                guard case .snoozed(_, let reason)?? = verdict else {
                    Issue.record("\(verdict as Any)")
                    throw PipelineFixture.NotWritten()
                }
                #expect(reason.contains("transactions"))
                #expect(try await fixture.store.erasures(id, limit: 1).first?.counts.isEmpty == false)
                try await transaction.execute(
                    Statement("INSERT INTO batches (tenant_id, label) VALUES ('acme-zq', 'a late quetzal')")
                )
                return id
            }
            #expect(try await fixture.receipt(id)?.completedAt == nil)
            _ = try await store.pool.execute(Statement("UPDATE tasks SET run_at = now() WHERE state = 'scheduled'"))
            try await fixture.drain()
            #expect(try await fixture.receipt(id)?.completedAt != nil)
            #expect(try await fixture.tables(holding: Self.words) == [])
        }
    }

    @Test(
        "a document is forgotten with its versions, vectors, letters and messages; its neighbours and their vectors stay"
    )
    func document() async throws {
        try await PipelineFixture.run { fixture in
            let shared = "This line stands in both of the documents, word for word."
            let gone = try fixture.write(
                "zirconium.txt",
                "This line is about zirconium and about nothing else.\n\n\(shared)"
            )
            let kept = try fixture.write(
                "neighbour.txt",
                "This line is about something else, and not about metal.\n\n\(shared)"
            )
            _ = try await fixture.request([gone, kept], tenant: Self.other, label: "both \(gone)")
            try await fixture.drain()
            try fixture.write("zirconium.txt", "Rewritten: zirconium for the second time.")
            _ = try await fixture.request([gone], tenant: Self.other)
            try await fixture.drain()
            try fixture.write("zirconium.txt", "Zirconium breaks the model now.")
            fixture.embedder.fail(breaking: "breaks the model")
            let blocked = try await fixture.request([gone, kept], tenant: Self.other)
            try await fixture.drain()
            #expect(try await fixture.store.batch(blocked, tenant: Self.other)?.dead == 1)
            let cached = try await fixture.count("SELECT count(*) FROM embedding_cache")
            let id = try await fixture.erase(gone, Self.other)
            await #expect {
                _ = try await fixture.request([gone], tenant: Self.other)
            } throws: { ($0 as? TaskFailure)?.errorClass == "document.erasing" }
            try await fixture.drain()

            let receipt = try #require(try await fixture.receipt(id))
            #expect(receipt.completedAt != nil && receipt.uri == nil)
            #expect(receipt.isOf(ErasureName(uri: gone, tenant: Self.other, index: "default")))
            #expect(try await fixture.tables(holding: ["zirconium"]) == [])
            #expect(
                try await fixture.count("SELECT count(*) FROM words WHERE word IN ('document', 'someth', 'metal')") == 3
            )
            #expect(try await fixture.count("SELECT count(*) FROM words WHERE NOT sluice_is_held(term)") == 0)
            #expect(
                try await fixture.count(
                    "SELECT count(*) FROM chunks WHERE NOT EXISTS (SELECT FROM embeddings_g1 WHERE chunk_id = chunks.id)"
                ) == 0
            )
            #expect(try await fixture.count("SELECT count(*) FROM chunks") == 2)
            // What a neighbour's chunks say keeps its vector; what nobody says any more, old versions included, does not.
            #expect(cached >= 4)
            #expect(try await fixture.count("SELECT count(*) FROM embedding_cache") == 2)
            let batch = try #require(try await fixture.store.batch(blocked, tenant: Self.other))
            #expect(batch.dead == 0 && batch.pending == 0 && batch.outcome != nil)

            // Its neighbour is ingested on, and it may come back by itself.
            fixture.embedder.fail()
            try fixture.write("neighbour.txt", "About something else.")
            let again = try await fixture.request([kept, gone], tenant: Self.other)
            try await fixture.drain()
            #expect(try await fixture.documents.ingestState(again, tenant: Self.other).results == ["ok": 2])
        }
    }

    @Test("a document whose name begins with the erased one's keeps its tasks, schedules and history")
    func likeNames() async throws {
        try await PipelineFixture.run { fixture in
            let gone = try fixture.write("note", "This line is about one thing.")
            let kept = try fixture.write("note-2", "This line is about another.")
            _ = try await fixture.request([gone, kept], tenant: Self.other)
            try await fixture.drain()
            for (name, uri) in [("one", gone), ("two", kept)] {
                // As payloads name sources: by themselves, in a sentence, on a line of their own.
                for text in [uri, "see \(uri).", "first\n\(uri)\nlast"] {
                    let payload = Statement<String>("SELECT jsonb_build_object('uri', $1)::text", [.text(text)]) {
                        row throws(PostgresError) in try row.text(0)
                    }
                    let stored = try await fixture.store.pool.query(payload)
                    _ = try await fixture.store.enqueueByCopy([
                        NewTask(
                            tenant: Self.other,
                            queue: .ingestion,
                            kind: NoopInput.kind,
                            payload: stored[0],
                            delay: .seconds(900)
                        )
                    ])
                }
                try await fixture.store.pool.execute(
                    Statement(
                        """
                        INSERT INTO schedules (tenant_id, name, rule, queue, kind, payload, next_fire_at)
                        VALUES ($1, $2, '@daily', 'ingestion', 'document.ingest', jsonb_build_object('uri', $3), now())
                        """,
                        [.text(Self.other.rawValue), .text(name), .text(uri)]
                    )
                )
            }
            let id = try await fixture.erase(gone, Self.other)
            try await fixture.drain()
            #expect(try await fixture.receipt(id)?.completedAt != nil)
            #expect(try await fixture.count("SELECT count(*) FROM tasks WHERE state = 'scheduled'") == 3)
            #expect(try await fixture.count("SELECT count(*) FROM schedules WHERE name = 'two'") == 1)
            #expect(try await fixture.count("SELECT count(*) FROM schedules WHERE name = 'one'") == 0)
            #expect(try await fixture.count("SELECT count(*) FROM documents") == 1)
        }
    }

    @Test("the fleet's own tenant is not erased")
    func fleet() async throws {
        try await PipelineFixture.run { fixture in
            await #expect { _ = try await fixture.erase(.default) } throws: {
                ($0 as? TaskFailure)?.errorClass == "erasure.default"
            }
        }
    }
}
