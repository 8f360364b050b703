import Glibc
import SluicePostgres
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

extension EndToEnd {
    /// `kill -9` of a worker within one long step, where nothing of it has been committed, or a part.
    @Suite struct Killing {
        private static let extra = [
            "SLUICE_LEASE_SECONDS": "3", "SLUICE_CHUNK_SIZE": "120", "SLUICE_CHUNK_OVERLAP": "0",
        ]

        private struct Version: Decodable { let version: Int, state: String, rowsCopied: Int }

        private struct Receipt: Decodable { let id: String, state: String, removed: [String: Int] }

        @Test(
            "in the middle of CREATE INDEX: what it leaves is invalid, and the next worker builds the index all the same"
        )
        func createIndex() async throws {
            var extra = Self.extra
            extra["SLUICE_TEST_KINDS"] = "1"
            extra["SLUICE_TEST_GATES"] = "go"
            try await TestFleet.run(extra: extra) { fleet in
                _ = try fleet.start("coordinator")
                let others = [
                    try fleet.start("worker", ["--queues", "ingestion"]),
                    try fleet.start("worker", ["--queues", "embedding"]),
                ]
                let text = (0..<100).flatMap { Prose.lines(document: 1, page: $0) }.joined(separator: "\n\n")
                let path = try fleet.write("long.txt", Array(text.utf8))
                let ingested = try await fleet.ctl(["ingest", path, "--wait", "--json"])
                try #require(ingested.status == 0, "\(ingested.errors)")
                let chunks = try decode(IngestReport.self, from: ingested.output).chunks
                try #require(chunks >= 3_000)
                for other in others { other.send(SIGKILL) }

                let store = try TestServers.store(schema: fleet.schema, poolSize: 2)
                defer { store.close() }
                // Many links and candidates: seconds for each thousand vectors.
                let begun = try await fleet.ctl([
                    "indexes", "rebuild", "--m", "64", "--ef-construction", "1000", "--auto-swap",
                ])
                try #require(begun.status == 0, "\(begun.errors)")
                let doomed = try fleet.start("worker", ["--queues", "maintenance"])
                try await eventually("the graph is being built", within: .seconds(90)) {
                    try await building(store) == "building index: loading tuples"
                }
                doomed.send(SIGKILL)
                #expect(try await doomed.exit(within: .seconds(30)) == -SIGKILL)
                // The server finds out by itself, and ends what nobody waits for any more.
                try await eventually("the build has ended", within: .seconds(60)) { try await building(store) == nil }
                #expect(try await isValid(store, version: 2) == false, "what was cut off is there, and not valid")

                _ = try fleet.start("worker", ["--queues", "maintenance"])
                let ready = try await eventually("the version is ready, and swapped in", within: .seconds(240)) {
                    let listed = try await fleet.ctl(["indexes", "ls", "--all", "--json"])
                    let versions = try decode([Version].self, from: listed.output)
                    return versions.first { $0.version == 2 && ["live", "failed"].contains($0.state) }
                }
                #expect(ready.state == "live" && ready.rowsCopied == chunks)
                #expect(try await isValid(store, version: 2) == true)
                let verified = try await fleet.ctl(["indexes", "verify", "--version", "2", "--json"])
                #expect(verified.status == 0, "\(verified.output)\(verified.errors)")
                let asked = try await fleet.ctl(["search", "the relay renews", "--mode", "dense", "--json"])
                #expect(try decode(SearchReport.self, from: asked.output).version == 2)
            }
        }

        @Test("in the middle of an erasure, twice: the next attempts finish it, and the receipt counts every row once")
        func erase() async throws {
            try await TestFleet.run(extra: Self.extra) { fleet in
                let (tenant, words) = ("acme-zq", ["acme-zq", "quetzal"])
                _ = try fleet.start("coordinator")
                let others = try fleet.startWorkers()
                for (owner, word) in [(tenant, "quetzal"), ("other", "heron")] {
                    for number in 0..<60 {
                        let lines = Prose.lines(document: number, page: 1).map { "\(word) \($0)" }
                        try fleet.write("\(word)/\(word)-\(number).txt", Array(lines.joined(separator: "\n\n").utf8))
                    }
                    let folder = "\(fleet.scratch)/\(word)"
                    let ingest = ["ingest", folder, "--recursive", "--tenant", owner, "--wait", "--timeout", "90"]
                    let ingested = try await fleet.ctl(ingest)
                    try #require(ingested.status == 0, "\(ingested.errors)")
                }
                let store = try TestServers.store(schema: fleet.schema, poolSize: 4)
                defer { store.close() }
                // A build would wait for the rows' locks too, and so seem to be the erasure.
                try await eventually("the first HNSW index is built", within: .seconds(60)) {
                    try await isValid(store, version: 1) == true
                }
                for other in others { other.send(SIGTERM) }
                for other in others { _ = try await other.exit(within: .seconds(30)) }
                let before = try await fleet.rows(of: tenant)
                let spared = try await fleet.rows(of: "other")
                try #require(before["documents"] == 60 && before["chunks", default: 0] > 2_000)
                let asked = try await fleet.ctl(["erase", "tenant", tenant, "--confirm", tenant])
                try #require(asked.status == 0, "\(asked.errors)")
                var logs = ""
                for table in ["chunks", "documents"] {
                    let doomed = try fleet.start("worker", ["--queues", "maintenance"])
                    try await held(store, table, of: tenant) { holder in
                        if doomed.poll() != nil { Issue.record("the worker ended by itself: \(doomed.errors)") }
                        try await eventually("it waits for a row of \(table)", within: .seconds(90)) {
                            try await isWaitedFor(store, holder)
                        }
                        doomed.send(SIGKILL)
                        #expect(try await doomed.exit(within: .seconds(30)) == -SIGKILL)
                    }
                    logs += doomed.output + doomed.errors
                    let left = try await fleet.rows(of: tenant)
                    #expect(left[table] == before[table], "nothing of \(table) is gone")
                    #expect(left["embeddings_g1"] == 0, "what is gone stays so")
                }
                #expect(try await fleet.rows(of: tenant)["chunks"] == 0)

                let worker = try fleet.start("worker", ["--queues", "maintenance"])
                let receipt = try await eventually("it is erased", within: .seconds(120)) {
                    let listed = try await fleet.ctl(["erasures", "ls", "--json"])
                    return try decode([Receipt].self, from: listed.output).first { $0.state == "erased" }
                }
                for table in ["documents", "document_versions", "chunks", "embedding_cache"] {
                    #expect(receipt.removed[table] == before[table].map(Int.init), "\(table)")
                }
                #expect(receipt.removed["embeddings"] == before["embeddings_g1"].map(Int.init))
                #expect(receipt.removed["tenants"] == 1)
                #expect(try await fleet.tables(holding: words) == [])
                #expect(try await fleet.keys().filter { key in words.contains { key.contains($0) } } == [])
                logs += worker.output + worker.errors
                #expect(words.filter { logs.lowercased().contains($0) } == [], "the logs of the workers")
                #expect(try await fleet.rows(of: "other") == spared)
            }
        }

        // MARK: -

        /// The phase of the build of version 2, nil while there is none.
        private func building(_ store: Store) async throws -> String? {
            try await store.pool.query(
                Statement(
                    "SELECT phase FROM pg_stat_progress_create_index WHERE relid = to_regclass('embeddings_g2')"
                ) { row throws(PostgresError) in try row.text(0) }
            ).first
        }

        /// Whether the HNSW index of a version is valid, nil where it is not there.
        private func isValid(_ store: Store, version: Int) async throws -> Bool? {
            try await store.pool.query(
                Statement(
                    "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)",
                    [.text("embeddings_g\(version)_hnsw_idx")]
                ) { row throws(PostgresError) in try row.bool(0) }
            ).first
        }

        /// Runs `body` while a row of the tenant in `table` is locked by the server process that it is told of.
        private func held(
            _ store: Store,
            _ table: String,
            of tenant: String,
            _ body: @Sendable (Int) async throws -> Void
        ) async throws {
            try await store.pool.transaction { transaction in
                let holder = try await transaction.query(
                    Statement(
                        """
                        SELECT pg_backend_pid() FROM "\(table)" WHERE tenant_id = $1 ORDER BY id DESC LIMIT 1 FOR UPDATE
                        """,
                        [.text(tenant)]
                    ) { row throws(PostgresError) in try row.int32(0) }
                ).first
                try await body(try #require(holder, "\(table) has a row"))
            }
        }

        private func isWaitedFor(_ store: Store, _ holder: Int) async throws -> Bool {
            try await store.pool.query(
                Statement(
                    "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid)))",
                    [.int4(holder)]
                ) { row throws(PostgresError) in try row.bool(0) }
            ).first ?? false
        }
    }
}
