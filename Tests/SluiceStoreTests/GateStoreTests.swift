import SluiceCore
import SluiceDocuments
import SluicePostgres
import SluiceSearch
import SluiceServerKit
import SluiceStore
import Testing

@Suite("Evidence of gates, stored", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(3)))
struct GateStoreTests {
    @Test("a run is stored with its gates, and read again as it was")
    func runs() async throws {
        try await GateFixture.run(scale: 300) { fixture in
            let version = try await fixture.candidate()
            let examined = try await fixture.gates().examine(version)
            let run = try #require(try await fixture.store.runs(of: .default, limit: 10).first)
            #expect(run.id == examined.run && run.verdict == examined.verdict && run.kind == .gates)
            #expect(run.number == 2 && run.other == 1 && run.version == version)
            #expect(run.gates.map(\.name) == GateName.allCases)
            for (stored, measured) in zip(run.gates, examined.gates) {
                #expect(stored.outcome == measured.outcome && stored.note == measured.note)
                #expect(stored.measured == measured.measured && stored.threshold == measured.threshold)
                #expect(stored.figures.map(\.name) == measured.figures.map(\.name))
            }
            let events = try await fixture.base.count("SELECT count(*) FROM index_events WHERE event = 'gates'")
            #expect(events == 1)
            let repeated = try await fixture.gates().examine(
                version,
                {
                    var wishes = PostgresIndexGates.Wishes()
                    wishes.seed = examined.seed
                    wishes.sample = 50
                    return wishes
                }()
            )
            #expect(repeated.kind == .eval, "a run with a wish of its own is no evidence for a swap")
            #expect(try await fixture.store.evidence(version)?.run == examined.run)
            await #expect(throws: ExaminationError.self) {
                var wishes = PostgresIndexGates.Wishes()
                wishes.against = 77
                _ = try await fixture.gates().examine(version, wishes)
            }
        }
    }

    @Test("evidence goes stale with what it rests on, in the transaction of who asks")
    func staleness() async throws {
        try await GateFixture.run(scale: 300) { fixture in
            let version = try await fixture.candidate()
            #expect(try await fixture.store.evidence(version) == nil, "never judged")
            #expect(try await fixture.gates().judge(version) == .go)
            func refusal() async throws -> String? {
                try await fixture.base.store.pool.transaction { transaction in
                    try await PostgresGateStore.evidence(version, in: transaction)?.refusal
                }
            }
            #expect(try await refusal() == nil)
            func swapEvidence() async throws -> IndexVersionFacts.Evidence {
                try await fixture.base.store.pool.transaction { try await PostgresGateStore.swapEvidence(version, $0) }
            }
            #expect(try await swapEvidence() == .fresh)

            try await fixture.set(["recall": 0.9])
            #expect(try await swapEvidence() == .stale)
            #expect(try await refusal()?.contains("thresholds") == true)
            _ = try await fixture.gates().judge(version)
            #expect(try await refusal() == nil)

            try await fixture.importGolden(5)
            #expect(try await refusal()?.contains("golden") == true)
            #expect(try await fixture.golden.removeGolden("g", of: .default))
            _ = try await fixture.gates().judge(version)
            #expect(try await refusal() == nil)

            // A tenth of the chunks goes, and comes again as others.
            try await fixture.execute(
                "DELETE FROM chunks WHERE id IN (SELECT id FROM chunks WHERE tenant_id = 'default' ORDER BY id LIMIT 80)"
            )
            #expect(try await refusal()?.contains("went") == true)
            _ = try await fixture.gates().judge(version)
            #expect(try await refusal() == nil)
            try await fixture.base.ingest("file:///more", GateFixture.texts(60, seed: 77))
            #expect(try await refusal()?.contains("60 vectors came") == true)
            _ = try await fixture.gates().judge(version)

            try await fixture.execute("UPDATE index_versions SET indexed_at = now() WHERE id = \(version)")
            #expect(try await refusal()?.contains("built anew") == true)
            _ = try await fixture.gates().judge(version)
            try await fixture.execute("UPDATE indexes SET epoch = epoch + 1")
            #expect(try await refusal()?.contains("epoch") == true)
            _ = try await fixture.gates().judge(version)
            try await fixture.execute("UPDATE gate_runs SET at = now() - interval '25 hours'")
            #expect(try await refusal()?.contains("hours") == true)
            try await fixture.execute("DELETE FROM embeddings_g\(version) WHERE chunk_id % 3 = 0")
            #expect(try await fixture.gates().judge(version) == .noGo)
            #expect(try await swapEvidence() == .none)
        }
    }

    @Test("a version whose evidence is stale is not swapped in; judged again, it is")
    func swap() async throws {
        try await GateFixture.run(scale: 300) { fixture in
            let versions = PostgresIndexVersions(fixture.base.store, evidence: PostgresGateStore.swapEvidence) { _ in }
            let version = try await fixture.candidate()
            try await fixture.execute("UPDATE index_versions SET state = 'ready' WHERE id = \(version)")
            func refusal() async throws -> IndexRefusal? {
                do {
                    _ = try await versions.swap(to: version, fence: nil)
                    return nil
                } catch let error as IndexRefusal {
                    return error
                }
            }
            #expect(try await refusal() == .evidence(.none), "never judged")
            _ = try await fixture.gates().judge(version)
            try await fixture.set(["recall": 0.9])
            #expect(try await refusal() == .evidence(.stale))
            #expect(try await fixture.base.count("SELECT epoch FROM indexes") == 1)
            #expect(try await fixture.gates().judge(version) == .go)
            #expect(try await refusal() == nil)
            #expect(try await fixture.base.count("SELECT number::int8 FROM index_versions WHERE state = 'live'") == 2)
            // What answered before and soaks needs no gates to answer again.
            #expect(try await versions.rollback(.default).to == 1)
        }
    }

    @Test("golden sets are replaced whole, the same again changes nothing, and they go with a word")
    func golden() async throws {
        try await DocumentsFixture.run { fixture in
            let golden = PostgresGoldenStore(fixture.store)
            let nowhere = try #require(IndexName(rawValue: "nowhere"))
            func query(_ text: String, tenant: String = "default") -> GoldenQuery {
                GoldenQuery(
                    tenant: TenantID(trusted: tenant),
                    text: text,
                    slice: "s",
                    relevant: [.init(.uri("file:///a"), page: 2), .init(.name("b"), grade: 0.5)]
                )
            }
            func load(_ queries: [GoldenQuery], _ set: String = "main", into index: IndexName = .default) async throws
                -> Bool?
            {
                try await golden.importGolden(queries, as: set, into: index, digest: GoldenQuery.digest(of: queries))
            }
            let many = (0..<2_500).map { query("question \($0)", tenant: $0 % 2 == 0 ? "default" : "acme") }
            #expect(try await load(many) == true)
            #expect(try await load(many) == false)
            #expect(try await load(many, into: nowhere) == nil)
            #expect(try await golden.golden(of: fixture.index.id, set: nil) == many)
            #expect(try await fixture.count("SELECT golden_revision FROM indexes") == 1)
            #expect(try await load([query("one")]) == true)
            #expect(try await load([query("two")], "second") == true)
            let sets = try await golden.goldenSets(of: .default)
            #expect(sets.map(\.name) == ["main", "second"] && sets.map(\.queries) == [1, 1])
            #expect(try await golden.golden(of: fixture.index.id, set: "second") == [query("two")])
            #expect(try await golden.golden(of: fixture.index.id, set: nil).map(\.text) == ["one", "two"])
            #expect(try await golden.removeGolden("main", of: .default))
            #expect(try await !golden.removeGolden("main", of: .default))
            #expect(try await fixture.count("SELECT golden_revision FROM indexes") == 4)
            #expect(try await fixture.count("SELECT count(*) FROM golden_relevant") == 2)
            // Answers are held against the documents that are there.
            #expect(try await golden.strayAnswers(of: "second", in: .default) == 2)
            try await fixture.ingest("file:///a", ["one"])
            #expect(try await golden.strayAnswers(of: "second", in: .default) == 1)
            try await fixture.ingest("file:///some/folder/b.tar", ["two"], tenant: TenantID(trusted: "acme"))
            #expect(try await golden.strayAnswers(of: "second", in: .default) == 1, "another tenant's")
            try await fixture.ingest("file:///some/folder/b.tar", ["two"])
            #expect(try await golden.strayAnswers(of: "second", in: .default) == 0)
            // Another tenant sees none of it.
            let seen = try await fixture.store.inTenant(TenantID(trusted: "acme")) { transaction in
                try await transaction.query(
                    Statement("SELECT count(*) FROM golden_queries") { row throws(PostgresError) in try row.int64(0) }
                )
            }
            #expect(seen == [0])
        }
    }

    @Test("drift is found on the live version, without a model, and noted")
    func drift() async throws {
        try await GateFixture.run(scale: 3_000, exactBelow: 1_000) { fixture in
            let fine = try #require(try await fixture.gates([]).drift(of: .default).first)
            #expect(fine.verdict == .go && fine.number == 1, "\(fine.gates)")
            #expect(fine.gates.map(\.name) == [.scope, .indexValid, .indexChosen, .recall])
            let live = fixture.base.index.liveVersion
            try await fixture.execute("DROP INDEX \(IndexVersionNames.hnsw(live))")
            try await fixture.execute(
                "CREATE INDEX \(IndexVersionNames.hnsw(live)) ON embeddings_g\(live) USING hnsw (embedding halfvec_cosine_ops) WITH (m = 2, ef_construction = 4)"
            )
            let drifted = try #require(try await fixture.gates([]).drift(of: nil).first)
            #expect(drifted.verdict == .noGo, "\(drifted.gates)")
            let runs = try await fixture.store.runs(of: .default, limit: 10)
            #expect(runs.map(\.kind) == [.drift, .drift] && runs.first?.verdict == .noGo)
            #expect(try await fixture.base.count("SELECT count(*) FROM index_events WHERE event = 'drift'") == 2)
            let nowhere = try #require(IndexName(rawValue: "nowhere"))
            #expect(try await fixture.gates([]).drift(of: nowhere).isEmpty)
        }
    }
}
