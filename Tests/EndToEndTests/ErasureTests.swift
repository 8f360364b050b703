import Glibc
import SluiceCore
import SluicePostgres
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

extension EndToEnd {
    /// The proof: real processes work for two tenants, one is erased, and every table, Redis and all logs are searched for it.
    @Suite struct Erasing {
        private static let tenant = "acme-zq"
        /// What must not be found anywhere: the tenant's name, and words of its documents, their names, payloads and labels.
        private static let words = [tenant, "quetzal"]

        private struct Receipt: Decodable {
            let id: String
            let state: String
            let completedAt: String?
            let removed: [String: Int]
        }

        @Test("an erased tenant is in no table, no Redis key and no log; the other one is untouched")
        func everywhere() async throws {
            try await TestFleet.run { fleet in
                let coordinator = try fleet.start("coordinator")
                let workers = try fleet.startWorkers()
                for (tenant, word) in [(Self.tenant, "quetzal"), ("other", "heron")] {
                    try await fill(fleet, tenant, word)
                }
                let before = try await fleet.rows(of: "other")
                #expect(try await fleet.tables(holding: Self.words).count > 10)
                #expect(try await fleet.keys().contains { $0.contains(Self.tenant) })

                _ = try await run(fleet, "erase", "tenant", Self.tenant, "--confirm", "acme", status: 64)
                _ = try await run(fleet, "erase", "tenant", "nobody", "--confirm", "nobody", status: 4)
                let erased = try await run(
                    fleet,
                    "erase",
                    "tenant",
                    Self.tenant,
                    "--confirm",
                    Self.tenant,
                    "--wait",
                    "--timeout",
                    "90",
                    "--json"
                )
                let receipt = try decode(Receipt.self, from: erased.output)
                #expect(receipt.state == "erased" && receipt.completedAt != nil)
                #expect(receipt.removed["documents"] == 4 && receipt.removed["tenants"] == 1)

                #expect(try await fleet.tables(holding: Self.words) == [])
                // Each time that a worker declines the task that none knows is one more attempt.
                let after = try await fleet.rows(of: "other")
                let changed = before.filter { name, count in
                    name == "attempts" ? after[name, default: 0] < count : after[name] != count
                }
                #expect(changed == [:], "now \(after.filter { before[$0.key] != $0.value })")
                #expect(try await fleet.keys().filter { key in Self.words.contains { key.contains($0) } } == [])
                let shown = try await run(fleet, "erasures", "show", receipt.id)
                #expect(shown.output.contains("a tenant, erased") && shown.output.contains("documents"))
                let known = try await run(fleet, "erasures", "ls", "--tenant", Self.tenant, "--json")
                #expect(known.output.contains("\"id\":\"\(receipt.id)\"") && !known.output.contains(Self.tenant))
                let unknown = try await run(fleet, "erasures", "ls", "--tenant", "other", "--json")
                #expect(unknown.output == "[]\n")
                for process in [coordinator] + workers {
                    let log = (process.output + process.errors).lowercased()
                    #expect(log.contains("started") || log.contains("registered"), "\(process.name) logs")
                    #expect(Self.words.filter { log.contains($0) } == [], "the log of \(process.name)")
                }
                let found = try await run(fleet, "search", "heron", "--tenant", "other", "--json")
                #expect(try decode(SearchReport.self, from: found.output).hits.isEmpty == false)
            }
        }

        @Test("a document is erased by its path")
        func document() async throws {
            try await TestFleet.run { fleet in
                _ = try fleet.start("coordinator")
                _ = try fleet.startWorkers()
                let path = try fleet.write("quetzal.txt", Array("The quetzal is a bird.".utf8))
                _ = try await run(fleet, "ingest", path, "--wait", "--timeout", "60", "--tenant", "other")
                _ = try await run(fleet, "erase", "document", path, "--tenant", "other", status: 64)
                _ = try await run(
                    fleet,
                    "erase",
                    "document",
                    path,
                    "--tenant",
                    "other",
                    "--yes",
                    "--wait",
                    "--timeout",
                    "60"
                )
                #expect(try await fleet.tables(holding: ["quetzal"]) == [])
                _ = try await run(fleet, "documents", "show", path, "--tenant", "other", status: 4)
            }
        }

        // MARK: -

        @discardableResult
        private func run(_ fleet: TestFleet, _ arguments: String..., status: Int32 = 0) async throws -> Finished {
            let finished = try await fleet.ctl(arguments)
            #expect(finished.status == status, "\(arguments): \(finished.errors)")
            return finished
        }

        /// Live documents, one that died with its messages, a schedule that fired, limits, a workflow and bulk commands.
        private func fill(_ fleet: TestFleet, _ tenant: String, _ word: String) async throws {
            for number in 0..<3 {
                let lines = [["The \(word) number \(number).", "It belongs to \(tenant)."]]
                try fleet.write("\(word)/\(word)-\(number).pdf", MiniPDF.make(pages: lines, title: "On the \(word)"))
            }
            try await run(fleet, "tenants", "add", tenant)
            try await run(fleet, "tenants", "limits", tenant, "--set", "rate=20/m", "burst=60")
            try await run(
                fleet,
                "ingest",
                "\(fleet.scratch)/\(word)",
                "--tenant",
                tenant,
                "--wait",
                "--timeout",
                "60",
                "--label",
                word
            )
            let lost = try fleet.write("\(word)-lost.pdf", [])
            _ = unlink(lost)
            let store = try TestServers.store(schema: fleet.schema, poolSize: 2)
            defer { store.close() }
            try await store.pool.execute(
                Statement(
                    """
                    SELECT enqueue('document.ingest', jsonb_build_object('uri', $2), tenant => $1, max_attempts => 1)
                    """,
                    [.text(tenant), .text("file://\(lost)")]
                )
            )
            try await run(
                fleet,
                "schedules",
                "add",
                word,
                "0 0 1 1 *",
                "--tenant",
                tenant,
                "--kind",
                "noop",
                "--payload",
                "{\"note\": \"\(word)\"}"
            )
            try await run(fleet, "schedules", "trigger", word, "--tenant", tenant)
            let file = try fleet.write(
                "\(word).json",
                Array(
                    """
                    {"label": "\(word)", "nodes": [
                      {"name": "\(word)", "task": {"kind": "noop", "queue": "maintenance", "payload": {"w": "\(word)"}}},
                      {"name": "later", "after": ["\(word)"],
                        "task": {"kind": "unheard.of", "queue": "maintenance", "payload": {"w": "\(word)"}}}]}
                    """.utf8
                )
            )
            try await run(fleet, "batches", "create", "--file", file, "--tenant", tenant)
            try await run(
                fleet,
                "tasks",
                "cancel",
                "--tenant",
                tenant,
                "--kind",
                "nothing",
                "--yes",
                "--reason",
                "for \(tenant)"
            )
            // Nothing of it moves any more, so that its rows can be counted: but for the task that no worker knows.
            try await eventually("the lost document of \(tenant) is dead, and all else is done", within: .seconds(60)) {
                let counts = try await store.pool.query(
                    Statement(
                        """
                        SELECT (SELECT count(*) FROM dead_letters WHERE tenant_id = $1),
                            (SELECT count(*) FROM tasks WHERE tenant_id = $1 AND kind <> 'unheard.of'),
                            (SELECT count(*) FROM tasks_archive WHERE tenant_id = $1 AND kind = 'noop')
                        """,
                        [.text(tenant)]
                    ) { row throws(PostgresError) in [try row.int64(0), try row.int64(1), try row.int64(2)] }
                )
                return counts.first == [1, 0, 2]
            }
        }
    }
}
