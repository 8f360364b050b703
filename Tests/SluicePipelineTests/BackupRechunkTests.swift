import SluiceCore
import SluiceDocuments
import SluicePipeline
import SluicePostgres
import SluiceQueue
import SluiceSearch
import SluiceServerKit
import SluiceStore
import Testing

/// Backups that are taken while documents are cut anew.
extension BackupTests {
    /// What the gates measured of a version, but for times.
    private func examine(_ store: Store, _ version: IndexVersionID, _ fixture: RebuildFixture) async throws -> [Gate] {
        let embedder = fixture.base.embedder
        let gates = PostgresIndexGates(
            IndexExaminer(
                store: PostgresGateStore(store),
                golden: PostgresGoldenStore(store),
                searcher: Searcher(pool: store.pool, embedder: embedder),
                embedders: [embedder]
            )
        )
        var wishes = PostgresIndexGates.Wishes()
        wishes.seed = 11
        return try await gates.examine(version, wishes).gates.filter { $0.name != .latency }
    }

    /// The same handlers, files and models on another database.
    private func elsewhere(_ store: Store, _ fixture: RebuildFixture) async throws -> RebuildFixture {
        let base = fixture.base
        let worker = WorkerID.random()
        let tasks = PostgresTaskStore(store)
        try await tasks.register(
            WorkerRegistration(
                id: worker,
                role: .worker,
                host: "elsewhere",
                pid: 2,
                version: "0",
                queues: QueueName.all,
                concurrency: 1,
                leaseLength: .seconds(300)
            )
        )
        let documents = PostgresDocumentStore(store) { _ in }
        let versions = PostgresIndexVersions(store, evidence: fixture.gates.evidence) { _ in }
        var pipeline = Pipeline(
            documents: documents,
            indexes: PostgresIndexStore(store) { _ in },
            chunker: base.pipeline.chunker,
            model: base.pipeline.model,
            extractor: base.reader,
            embedder: base.embedder,
            limits: base.pipeline.limits,
            embedWindow: base.pipeline.embedWindow
        )
        (pipeline.versions, pipeline.gates, pipeline.rebuildShare) = (versions, fixture.gates, 1)
        let there = PipelineFixture(
            store: store,
            tasks: tasks,
            documents: documents,
            index: base.index,
            pipeline: pipeline,
            reader: base.reader,
            embedder: base.embedder,
            worker: worker,
            folder: base.folder
        )
        return RebuildFixture(base: there, gates: fixture.gates, versions: versions, pipeline: pipeline)
    }

    @Test(
        "two chunk sets, one of them half made: restored as they were, the gates measure the same, and the rebuild goes on there"
    )
    func rechunking() async throws {
        try await run { base, directory in
            let fixture = RebuildFixture(base: base)
            var texts: [String: String] = [:]
            for number in 0..<6 {
                let text = RebuildFixture.prose(0..<20, "heron\(number)")
                texts[try await fixture.ingest("\(number).txt", text)] = text
            }
            let golden = texts.map { uri, text in
                let question = text.split(separator: "\n").first.map(String.init) ?? ""
                return GoldenQuery(tenant: .default, text: question, slice: "", relevant: [.init(.uri(uri))])
            }
            let digest = GoldenQuery.digest(of: golden)
            _ = try await PostgresGoldenStore(base.store).importGolden(golden, as: "g", into: .default, digest: digest)
            let live = try await fixture.live()
            _ = try await base.pipeline.indexes.buildHNSW(live.id)

            // Half cut, some of it copied, some to be embedded, and one document staged for both sets.
            let (version, fence) = try await fixture.begin(RebuildFixture.wider)
            _ = try await fixture.versions.cut(version.id, limit: 4, fence: fence)
            _ = try await fixture.versions.backfill(version.id, limit: 70, fence: fence)
            _ = try await fixture.perform(.embedding)
            let changed = RebuildFixture.prose(40..<62, "osprey")
            let uri = try base.write("1.txt", changed)
            _ = try await base.request(uri)
            #expect(try await fixture.perform(.ingestion) == "settled")
            texts[uri] = changed
            try await fixture.release(fence)
            let counts = [
                "SELECT count(*) FROM chunks WHERE chunk_set = 1", "SELECT count(*) FROM chunks WHERE chunk_set = 2",
                "SELECT count(*) FROM embeddings_g\(version.id)", "SELECT count(*) FROM embeddings_g\(live.id)",
                "SELECT count(DISTINCT chunk_set) FROM staged_chunks", "SELECT count(*) FROM document_texts",
                "SELECT count(*) FROM words", "SELECT count(*) FROM chunk_terms",
                "SELECT document_cursor FROM index_versions WHERE id = \(version.id)",
                "SELECT count(*) FROM tasks",
            ]
            var before: [Int] = []
            for sql in counts { before.append(try await base.count(sql)) }
            #expect(before.allSatisfy { $0 > 0 } && before[4] == 2, "\(before)")
            let gaps = try await fixture.versions.gaps(version.id)
            #expect(!gaps.isWhole)

            let report = try await backups(base, directory).create()
            let checks = try await restore(base).restore(report.path, into: Self.drill, verifies: true)
            #expect(checks.map(\.name) == ["checksum", "rows", "index default"])
            #expect(checks.filter { !$0.isPassed } == [], "\(checks)")

            let configuration = try #require(try configuration().inDatabase(Self.drill))
            let restored = Store(configuration: configuration, schema: base.store.schema, logger: TestServers.quiet)
            defer { restored.close() }
            let there = try await elsewhere(restored, fixture)
            for (sql, count) in zip(counts, before) { #expect(try await there.base.count(sql) == count, "\(sql)") }
            #expect(try await there.versions.gaps(version.id) == gaps)
            for each in [live, version] {
                let (here, afterwards) = (
                    try await examine(base.store, each.id, fixture), try await examine(restored, each.id, fixture)
                )
                #expect(here == afterwards && here.count == GateName.allCases.count - 1, "version \(each.number)")
                #expect(GateVerdict(of: afterwards) != .go || each.id == live.id, "half a set is no GO")
            }

            // It goes on in both places, without a source.
            let reads = base.reader.calls
            for place in [there, fixture] {
                try await place.settle()
                let ready = try await place.current(version)
                #expect(ready.state == .ready, "\(ready.problem ?? "")")
                for (uri, text) in texts {
                    for each in [live, ready] {
                        #expect(try await place.pieces(uri, each) == place.expected(text, each), "\(each.number)")
                    }
                }
                let (liveIsWhole, readyIsWhole) = (try await place.isWhole(live), try await place.isWhole(ready))
                #expect(liveIsWhole && readyIsWhole)
            }
            #expect(base.reader.calls == reads)
        }
    }
}
