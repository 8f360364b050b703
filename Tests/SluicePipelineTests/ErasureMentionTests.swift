import SluiceCore
import SluicePostgres
import SluiceServerKit
import SluiceStore
import Testing

@Suite("Names in what stays", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(5)))
struct ErasureMentionTests {
    @Test("a tenant whose name is one of the fleet's own words goes without spoiling events, figures and notes")
    func ownWords() async throws {
        for name in ["live", "from", "number", "questions"] {
            try await PipelineFixture.run { fixture in
                let tenant = TenantID(trusted: name)
                _ = try await fixture.request([try fixture.write("a.txt", "A line.")], tenant: tenant)
                try await fixture.drain()
                try await fixture.store.pool.withConnection {
                    try await $0.script(
                        """
                        INSERT INTO index_events (index_id, event, detail) SELECT id, 'odd',
                            '{"from": "ready", "to": "live", "number": 7, "reason": "\(name), \(name) \(name).", "problem": "\(name)-2"}'
                        FROM indexes;
                        INSERT INTO index_events (index_id, event, detail) SELECT id, 'even', '{"from": "live"}' FROM indexes;
                        INSERT INTO gate_runs (version_id, kind, verdict, seconds, epoch, vectors, newest_chunk, thresholds,
                            golden_revision, seed)
                        SELECT id, 'gates', 'no_go', 1, 1, 1, 1, '{}', 0, 7 FROM index_versions;
                        INSERT INTO gate_results (run_id, position, gate, outcome, detail)
                        SELECT id, 1, 'recall', 'passed', '{"note": "all well", "figures": [
                            {"name": "questions", "value": 30}, {"name": "from", "slice": "tenant \(name)", "value": 1}
                        ]}' FROM gate_runs
                        """
                    )
                }
                let id = try await fixture.erase(tenant)
                try await fixture.drain()
                #expect(try await fixture.receipt(id)?.completedAt != nil)
                #expect(
                    try await texts(
                        fixture,
                        "SELECT detail::text FROM index_events WHERE event IN ('odd', 'even') ORDER BY id"
                    )
                        == [
                            """
                            {"to": "live", "from": "ready", "number": 7, "reason": "(erased), (erased) (erased).", \
                            "problem": "\(name)-2"}
                            """,
                            #"{"from": "live"}"#,
                        ]
                )
                #expect(
                    try await texts(fixture, "SELECT detail::text FROM gate_results")
                        == [
                            """
                            {"note": "all well", "figures": [{"name": "questions", "value": 30}, \
                            {"name": "from", "slice": "tenant (erased)", "value": 1}]}
                            """
                        ]
                )
            }
        }
    }

    private func texts(_ fixture: PipelineFixture, _ sql: String) async throws -> [String] {
        try await fixture.store.pool.query(Statement(sql) { row throws(PostgresError) in try row.text(0) })
    }
}
