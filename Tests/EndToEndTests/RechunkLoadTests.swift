import Glibc
import SluicePostgres
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

private struct LoadedVersionRow: Decodable {
    let version: Int
    let state: String
    let chunkSet: Int
}

extension EndToEnd {
    @Suite struct RechunkingUnderLoad {
        private static func text(_ name: String, _ edition: Int) -> [UInt8] {
            let sentences = (0..<24).map {
                "The \(name) keeps entry \($0) of edition \(edition) in the ledger of Port Louis."
            }
            return Array("# \(name)\n\n\(sentences.joined(separator: "\n\n"))\n".utf8)
        }

        private func versions(_ fleet: TestFleet) async throws -> [LoadedVersionRow] {
            let listed = try await fleet.ctl(["indexes", "ls", "--all", "--json"])
            try #require(listed.status == 0, "\(listed.errors)")
            return try decode([LoadedVersionRow].self, from: listed.output)
        }

        private func count(_ fleet: TestFleet, _ sql: String) async throws -> Int64 {
            let store = try TestServers.store(schema: fleet.schema, poolSize: 1)
            defer { store.close() }
            return try await store.pool.query(Statement(sql) { row throws(PostgresError) in try row.int64(0) }).first
                ?? -1
        }

        private func ingest(_ fleet: TestFleet, _ paths: [String], waits: Bool = false) async throws {
            let done = try await fleet.ctl(["ingest"] + paths + (waits ? ["--wait"] : []))
            try #require(done.status == 0, "\(done.errors)")
        }

        /// The rebuild is held where it cuts, by a document whose text was not kept and whose source is away, while the corpus changes
        /// under it; then it goes on, and the corpus goes on changing until it answers.
        @Test("under ingests, updates and deletes all along: both anti-joins end empty, and nothing deleted comes back")
        func load() async throws {
            try await TestFleet.run(extra: [
                "SLUICE_TEST_KINDS": "1", "SLUICE_TEST_GATES": "go", "SLUICE_REBUILD_SHARE_PERCENT": "10",
            ]) { fleet in
                _ = try fleet.start("coordinator")
                _ = try fleet.startWorkers()
                let names = (0..<24).map { "bird\($0)x" }
                for name in names { try fleet.write("docs/\(name).md", Self.text(name, 0)) }
                let held = try fleet.write("docs/held.md", Self.text("heldback", 0))
                try await ingest(fleet, ["\(fleet.scratch)/docs", "--recursive"], waits: true)
                let store = try TestServers.store(schema: fleet.schema, poolSize: 1)
                try await store.pool.execute(
                    Statement(
                        "DELETE FROM document_texts USING documents WHERE documents.id = document_id AND uri LIKE '%/held.md'"
                    )
                )
                store.close()
                #expect(rename(held, held + ".away") == 0)

                let begun = try await fleet.ctl([
                    "indexes", "rebuild", "--chunk-size", "300", "--overlap", "30", "--auto-swap", "--json",
                ])
                try #require(begun.status == 0, "\(begun.errors)")
                try await eventually("chunks of the second set are there", within: .seconds(30)) {
                    try await count(fleet, "SELECT count(*) FROM chunks WHERE chunk_set = 2") > 0
                }
                var gone: [String] = []
                var kept = names
                var edition = 0
                func change() async throws {
                    edition += 1
                    let fresh = "late\(edition)x"
                    let updated = [fresh, kept[edition * 5 % kept.count], kept[(edition * 7 + 3) % kept.count]]
                    for name in updated { try fleet.write("docs/\(name).md", Self.text(name, edition)) }
                    try await ingest(fleet, Set(updated).sorted().map { "\(fleet.scratch)/docs/\($0).md" })
                    kept.append(fresh)
                    // One that is being read this moment, or one that both sets have.
                    let name = kept.remove(at: edition % 3 == 0 ? kept.count - 1 : edition % kept.count)
                    let path = "\(fleet.scratch)/docs/\(name).md"
                    let erased = try await fleet.ctl(["erase", "document", path, "--yes"])
                    try #require(erased.status == 0, "\(erased.errors)")
                    gone.append(name)
                }
                for _ in 0..<5 { try await change() }
                #expect(try await versions(fleet).contains { $0.version == 2 && $0.state == "building" })

                #expect(rename(held + ".away", held) == 0)
                try await ingest(fleet, [held])
                try await eventually("version 2 answers", within: .seconds(60)) {
                    try await change()
                    return try await versions(fleet).contains { $0.version == 2 && $0.state == "live" }
                }
                try await change()
                try await eventually("everything asked for is done", within: .seconds(60)) {
                    try await count(fleet, "SELECT count(*) FROM tasks WHERE kind <> 'index.retire'") == 0
                }
                #expect(try await count(fleet, "SELECT count(*) FROM erasures WHERE completed_at IS NULL") == 0)

                for version in ["1", "2"] {
                    let verified = try await fleet.ctl(["indexes", "verify", "--version", version, "--json"])
                    #expect(verified.status == 0, "version \(version): \(verified.output)\(verified.errors)")
                }
                #expect(try await count(fleet, "SELECT count(*) FROM dead_letters") == 0)
                let wanted = Int64(kept.count + 1)
                for set in [1, 2] {
                    let documents = "SELECT count(DISTINCT document_id) FROM chunks WHERE chunk_set = \(set)"
                    #expect(try await count(fleet, documents) == wanted, "set \(set)")
                }
                for name in gone {
                    let left = "SELECT count(*) FROM chunks WHERE strpos(text, 'The \(name) keeps') > 0"
                    #expect(try await count(fleet, left) == 0, "\(name)")
                }
                // Every document in both sets with its last edition alone.
                let mixed = """
                    SELECT count(*) FROM (
                        SELECT document_id FROM chunks CROSS JOIN LATERAL regexp_matches(text, 'edition ([0-9]+)', 'g') AS said
                        GROUP BY document_id HAVING count(DISTINCT said) <> 1
                    ) AS mixed
                    """
                #expect(try await count(fleet, mixed) == 0)
                let question = "The \(kept[0]) keeps entry 3"
                let found = try await fleet.ctl(["search", question, "--json"])
                let report = try decode(SearchReport.self, from: found.output)
                #expect(report.version == 2 && report.hits.first?.text.contains("The \(kept[0]) keeps") == true)
            }
        }
    }
}
