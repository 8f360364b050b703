import SluiceCore
import SluiceDocuments
import SluiceInference
import SluicePostgres
import SluiceSearch
import SluiceServerKit
import SluiceStore
import Testing

/// Deliberately bad candidates, each refused by the gate that is there for it.
@Suite("Gates on real versions", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(5)))
struct GateRefusalTests {
    private func outcomes(_ gates: [Gate]) -> [GateName: GateOutcome] {
        Dictionary(gates.map { ($0.name, $0.outcome) }) { first, _ in first }
    }

    private func describe(_ gates: [Gate]) -> String {
        gates.map { "\($0.name) \($0.outcome) \($0.measured.map { "\($0)" } ?? "-"): \($0.note)" }.joined(
            separator: "\n"
        )
    }

    @Test("a whole candidate gets GO; one with a poor graph, or none, does not")
    func graphs() async throws {
        try await GateFixture.run(scale: 4_500, exactBelow: 1_000) { fixture in
            let good = try await fixture.candidate()
            let examined = try await fixture.gates().examine(good)
            #expect(examined.verdict == .go && examined.kind == .gates, "\(describe(examined.gates))")
            #expect(examined.measurements.recall.count { !$0.isExact } >= 200)
            #expect(outcomes(examined.gates)[.indexChosen] == .passed)
            #expect(examined.subject.isSameModel && examined.subject.other?.number == 1)
            #expect(try await fixture.gates().judge(good) == .go)

            let poor = try await fixture.candidate(m: 2, efConstruction: 4)
            let refused = try await fixture.gates().examine(poor)
            #expect(refused.verdict == .noGo, "\(describe(refused.gates))")
            #expect(outcomes(refused.gates)[.recall] == .failed, "\(describe(refused.gates))")

            let unbuilt = try await fixture.candidate(isBuilt: false)
            let missing = try await fixture.gates().examine(unbuilt)
            #expect(missing.verdict == .noGo)
            #expect(outcomes(missing.gates)[.indexValid] == .failed)
            #expect(outcomes(missing.gates)[.indexChosen] == .failed)
        }
    }

    @Test("lost tenants, missing chunks, zero and foreign vectors are refused, each by its gate")
    func rows() async throws {
        try await GateFixture.run(scale: 900) { fixture in
            let spoilt: [(String, GateName, [GateName])] = [
                ("tenant_id <> 'tiny'", .tenantCoverage, [.missingChunks]),
                ("chunk_id % 33 <> 0", .missingChunks, [.tenantCoverage]),
            ]
            for (condition, name, also) in spoilt {
                let version = try await fixture.candidate(where: condition)
                let examined = try await fixture.gates().examine(version)
                let found = outcomes(examined.gates)
                #expect(examined.verdict == .noGo)
                for name in [name] + also { #expect(found[name] == .failed, "\(describe(examined.gates))") }
            }
            let mutations: [(String, GateName)] = [
                (
                    "UPDATE embeddings_gN SET embedding = array_fill(0, ARRAY[32])::halfvec WHERE chunk_id % 50 = 0",
                    .soundVectors
                ),
                ("UPDATE embeddings_gN SET content_hash = sha256('x') WHERE chunk_id % 100 = 0", .strayVectors),
                ("UPDATE embeddings_gN SET tenant_id = 'acme' WHERE tenant_id = 'tiny'", .strayVectors),
            ]
            for (sql, name) in mutations {
                let version = try await fixture.candidate()
                try await fixture.execute(sql.replacing("embeddings_gN", with: "embeddings_g\(version)"))
                let examined = try await fixture.gates().examine(version)
                #expect(examined.verdict == .noGo)
                #expect(outcomes(examined.gates)[name] == .failed, "\(describe(examined.gates))")
            }
            // A small corpus without fault passes: all of it is searched exactly, and its largest tenant is too small for the index.
            let good = try await fixture.candidate()
            let examined = try await fixture.gates().examine(good)
            #expect(examined.verdict == .go, "\(describe(examined.gates))")
            #expect(outcomes(examined.gates)[.indexChosen] == .notApplicable)
        }
    }

    @Test("a wrong model of the same dimension is refused: under the right name, and under its own")
    func wrongModel() async throws {
        try await GateFixture.run(scale: 600) { fixture in
            // Made by another model than the registry says.
            let liar = try await fixture.candidate()
            let other = DeterministicEmbedder(dimension: 32, salt: 7)
            try await fixture.embed(liar, with: other)
            let lied = try await fixture.gates().examine(liar)
            #expect(lied.verdict == .noGo)
            let found = outcomes(lied.gates)
            #expect(found[.reembedding] == .failed && found[.cachedVectors] == .failed, "\(describe(lied.gates))")
            #expect(found[.missingChunks] == .passed && found[.soundVectors] == .passed && found[.recall] == .passed)

            // The cache alone shows it where the model is not there; what cannot be measured is no pass either.
            let blind = try await fixture.gates([other]).examine(liar)
            #expect(outcomes(blind.gates)[.reembedding] == .inconclusive && blind.verdict == .noGo)

            // An honest name, and no use: golden queries tell.
            let useless = UselessEmbedder(dimension: 32)
            let identity = ModelIdentity(fingerprint: useless.model.fingerprint, dimension: 32)
            let honest = try await fixture.candidate(model: identity)
            try await fixture.embed(honest, with: useless)
            let gates = fixture.gates([fixture.base.embedder, useless])
            let unasked = try await gates.examine(honest)
            #expect(outcomes(unasked.gates)[.goldenNDCG] == .inconclusive, "no golden queries yet")
            #expect(outcomes(unasked.gates)[.knownItems] == .failed)
            try await fixture.importGolden(60)
            let asked = try await gates.examine(honest)
            #expect(asked.verdict == .noGo)
            #expect(outcomes(asked.gates)[.reembedding] == .passed, "\(describe(asked.gates))")
            #expect(outcomes(asked.gates)[.goldenNDCG] == .failed && outcomes(asked.gates)[.goldenMRR] == .failed)

            // Another model that is as good passes.
            let peer = try await fixture.candidate(
                model: ModelIdentity(fingerprint: other.model.fingerprint, dimension: 32)
            )
            try await fixture.embed(peer, with: other)
            try await fixture.set(["quality_drop": 0.2])
            let passed = try await fixture.gates([fixture.base.embedder, other]).examine(peer)
            #expect(passed.verdict == .go, "\(describe(passed.gates))")
        }
    }

    @Test("a session that sees one tenant alone gets no GO, and the fleet's role is no superuser")
    func scope() async throws {
        try await GateFixture.run(scale: 300) { fixture in
            let store = fixture.base.store
            let isSuper = try await store.pool.query(
                Statement("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user") {
                    row throws(PostgresError) in try row.bool(0)
                }
            )
            #expect(isSuper == [false])
            let version = try await fixture.candidate()
            let subject = try #require(try await fixture.store.subject(version, against: nil))
            let whole = try await fixture.store.structure(subject)
            #expect(whole.seesAllTenants && whole.tenants.count == 3 && whole.vectors == 405)
            // A session with another scope, as a wrong role's default would make it.
            let narrow = try TestServers.store(schema: store.schema, poolSize: 1)
            defer { narrow.close() }
            try await narrow.pool.withConnection { try await $0.script("SET sluice.tenant = 'tiny'") }
            let part = try await PostgresGateStore(narrow).structure(subject)
            #expect(!part.seesAllTenants && part.tenants.map(\.tenant) == [GateFixture.tiny])
            let gates = GateJudge(subject, GateThresholds()).gates(GateMeasurements(structure: part))
            #expect(gates.first?.outcome == .inconclusive && !GateVerdict(of: gates).passes)
        }
    }
}
