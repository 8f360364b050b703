import SluiceCore
import SluiceDocuments
import SluicePipeline
import SluicePostgres
import SluiceQueue
import SluiceSearch
import SluiceServerKit
import SluiceStore
import Testing

/// The real gates, asked by the rebuild's own task.
@Suite("Gates over another chunker", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(5)))
struct RechunkGateTests {
    private static let tenants: [(tenant: TenantID, documents: Int)] = [
        (.default, 36), (TenantID(trusted: "acme"), 18), (TenantID(trusted: "tiny"), 2),
    ]

    /// Spoils the version that is about to be judged, then judges it.
    private struct Spoiling: IndexGates {
        let gates: PostgresIndexGates
        let store: Store
        let sql: String?

        func judge(_ version: IndexVersionID) async throws -> GateVerdict {
            if let sql {
                let set = "(SELECT chunk_set FROM index_versions WHERE id = \(version))"
                let spoilt = sql.replacing("embeddings_gN", with: "embeddings_g\(version)").replacing("OWN", with: set)
                guard try await store.pool.execute(Statement(spoilt)) > 0 else { throw PipelineFixture.NotWritten() }
            }
            return try await gates.judge(version)
        }
    }

    /// Paragraphs of words of their own, each of which fits into a chunk; two or three fit into one of the next size.
    private static func paragraph(_ tenant: TenantID, _ document: Int, _ number: Int) -> String {
        ["a", "b", "c", "d", "e"].map { "\(tenant.rawValue.prefix(3))\(document)x\(number)\($0)" }.joined(
            separator: " "
        )
    }

    private static func text(_ tenant: TenantID, _ document: Int, _ edition: Int = 0) -> String {
        (edition..<edition + 6).map { paragraph(tenant, document, $0) + ".\n\n" }.joined()
    }

    /// An index of three tenants, with golden queries, that wants evidence for a swap.
    private func run(_ body: (RebuildFixture) async throws -> Void) async throws {
        try await RebuildFixture.run(dimension: 96) { plain in
            let store = plain.base.store
            let versions = PostgresIndexVersions(store, evidence: PostgresGateStore.swapEvidence) { _ in }
            var pipeline = plain.pipeline
            pipeline.versions = versions
            let fixture = RebuildFixture(base: plain.base, gates: plain.gates, versions: versions, pipeline: pipeline)
            var golden: [GoldenQuery] = []
            for (tenant, documents) in Self.tenants {
                for number in 0..<documents {
                    let uri = try fixture.base.write("\(tenant)-\(number).txt", Self.text(tenant, number))
                    _ = try await fixture.base.request([uri], tenant: tenant)
                    golden.append(
                        GoldenQuery(
                            tenant: tenant,
                            text: Self.paragraph(tenant, number, number % 6),
                            slice: "",
                            relevant: [GoldenRelevant(.uri(uri))]
                        )
                    )
                }
            }
            try await fixture.settle()
            let live = try await fixture.live()
            _ = try await fixture.base.pipeline.indexes.buildHNSW(live.id)
            let digest = GoldenQuery.digest(of: golden)
            _ = try await PostgresGoldenStore(store).importGolden(golden, as: "g", into: .default, digest: digest)
            // Timing says nothing on a machine that is busy with other tests.
            let gates = PostgresGateStore(store)
            var thresholds = try await gates.thresholds(of: live.index)
            for (name, value) in [("p95_ms", 60_000.0), ("p95_ratio", 1_000)] {
                #expect(thresholds.set(name, to: value) == nil)
            }
            try await gates.setThresholds(thresholds, of: live.index)
            try await body(fixture)
        }
    }

    private func gates(_ fixture: RebuildFixture) -> PostgresIndexGates {
        let store = fixture.base.store
        return PostgresIndexGates(
            IndexExaminer(
                store: PostgresGateStore(store),
                golden: PostgresGoldenStore(store),
                searcher: Searcher(pool: store.pool, embedder: fixture.base.embedder),
                embedders: [fixture.base.embedder]
            )
        )
    }

    private func rebuild(_ fixture: RebuildFixture, spoiledBy sql: String? = nil) async throws -> IndexVersionRecord {
        var pipeline = fixture.pipeline
        pipeline.gates = Spoiling(gates: gates(fixture), store: fixture.base.store, sql: sql)
        let real = RebuildFixture(
            base: fixture.base,
            gates: fixture.gates,
            versions: fixture.versions,
            pipeline: pipeline
        )
        return try await real.rebuild(RebuildFixture.wider)
    }

    private func lastRun(_ fixture: RebuildFixture) async throws -> (number: Int, gates: [Gate]) {
        let store = PostgresGateStore(fixture.base.store)
        let run = try #require(try await store.runs(of: .default, limit: 1).first)
        return (run.number, run.gates)
    }

    private func refusal(_ fixture: RebuildFixture, _ version: IndexVersionRecord) async throws -> IndexRefusal? {
        do {
            _ = try await fixture.versions.swap(to: version.id, fence: nil)
            return nil
        } catch let refusal as IndexRefusal {
            return refusal
        }
    }

    @Test(
        "a whole one gets GO with golden queries; documents that came since make it stale; judged again it is swapped in"
    )
    func whole() async throws {
        try await run { fixture in
            let version = try await rebuild(fixture)
            let (number, gates) = try await lastRun(fixture)
            #expect(version.state == .ready && number == version.number, "\(describe(gates))")
            let outcomes = Dictionary(uniqueKeysWithValues: gates.map { ($0.name, $0.outcome) })
            for name in [
                GateName.missingChunks, .strayVectors, .tenantCoverage, .soundVectors, .cachedVectors, .reembedding,
                .indexValid, .recall, .goldenNDCG, .goldenMRR, .hybridNDCG, .lexicalNDCG,
            ] { #expect(outcomes[name] == .passed, "\(describe(gates))") }
            let facts = try #require(gates.first { $0.name == .goldenNDCG }?.measured)
            #expect(facts > -0.02)

            for number in 0..<8 {
                let uri = try fixture.base.write("later-\(number).txt", Self.text(.default, 100 + number))
                _ = try await fixture.base.request(uri)
            }
            try await fixture.settle()
            #expect(try await refusal(fixture, version) == .evidence(.stale))
            let again = try await self.gates(fixture).judge(version.id)
            #expect(again == .go)
            #expect(try await refusal(fixture, version) == nil)
            #expect(try await fixture.sets(answering: Self.paragraph(.default, 3, 1), version: nil) == [2])
            #expect(try await fixture.versions.rollback(.default).to == 1)
        }
    }

    private func describe(_ gates: [Gate]) -> String {
        gates.map { "\($0.name) \($0.outcome) \($0.measured.map { "\($0)" } ?? "-"): \($0.note)" }.joined(
            separator: "\n"
        )
    }

    /// What is done to the second set before it is judged, and the gates that are there for it.
    private static let spoilt: [(sql: String, gates: [GateName])] = [
        ("DELETE FROM embeddings_gN WHERE chunk_id % 33 = 0", [.missingChunks, .tenantCoverage]),
        ("DELETE FROM chunks WHERE chunk_set = OWN AND id % 33 = 0", [.missingChunks, .tenantCoverage]),
        (
            """
            DELETE FROM chunks WHERE chunk_set = OWN AND document_id % 33 = 0
                AND ordinal = (SELECT max(ordinal) FROM chunks AS other WHERE other.document_id = chunks.document_id AND chunk_set = OWN)
            """,
            [.missingChunks, .tenantCoverage]
        ),
        ("DELETE FROM embeddings_gN WHERE tenant_id = 'tiny'", [.missingChunks, .tenantCoverage]),
        ("DELETE FROM chunks WHERE chunk_set = OWN AND tenant_id = 'tiny'", [.missingChunks, .tenantCoverage]),
        // The two sets mixed up: vectors of chunks that answer in the other version.
        ("INSERT INTO embeddings_gN SELECT * FROM embeddings_g1 WHERE chunk_id % 20 = 0", [.strayVectors]),
        (
            """
            UPDATE embeddings_gN AS mine SET embedding = other.embedding FROM embeddings_g1 AS other
            WHERE other.chunk_id = (SELECT min(chunk_id) FROM embeddings_g1) AND mine.chunk_id % 10 = 0
            """,
            [.cachedVectors]
        ),
    ]

    @Test(
        "a second set that lacks chunks or a tenant, or is mixed with the first, is refused, by the gate that is for it"
    )
    func spoiled() async throws {
        try await run { fixture in
            for (sql, names) in Self.spoilt {
                let version = try await rebuild(fixture, spoiledBy: sql)
                let (number, gates) = try await lastRun(fixture)
                #expect(version.state == .failed && number == version.number, "\(sql): \(version.state)")
                for name in names {
                    #expect(gates.first { $0.name == name }?.outcome == .failed, "\(sql)\n\(describe(gates))")
                }
                #expect(try await refusal(fixture, version) != nil)
                #expect(try await fixture.live().number == 1)
                // It stays a while to be looked at; then nothing of it is left beside the set that answers.
                guard version.state == .failed else { return }
                _ = try await fixture.versions.retire(version.id, isForced: true, fence: nil)
                #expect(try await fixture.chunks(ofSet: version.chunkSet) == 0)
            }
            #expect(try await fixture.isWhole(try await fixture.live()))
            #expect(try await rebuild(fixture).state == .ready)
        }
    }
}
