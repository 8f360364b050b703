import SluiceCore
import SluicePostgres
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

extension EndToEnd {
    @Suite struct UpkeepCommands {
        @discardableResult
        private func run(_ fleet: TestFleet, _ arguments: String..., status: Int32 = 0) async throws -> String {
            let finished = try await fleet.ctl(arguments)
            #expect(finished.status == status, "\(arguments): \(finished.errors)")
            return finished.output
        }

        @Test("workerctl retention, freshness, schedules install-defaults")
        func commands() async throws {
            try await TestFleet.run { fleet in
                let counted = try await run(fleet, "retention", "--dry-run")
                #expect(counted.contains("embedding_cache") && counted.contains("vectors of unused models"))
                #expect(try await run(fleet, "retention").contains("enqueued"))
                #expect(try await run(fleet, "retention", "--json").contains("\"task\""))

                try await run(fleet, "freshness", "set", "file:///srv/", "--target", "24h", "--tenant", "acme")
                let listed = try await run(fleet, "freshness", "ls")
                #expect(listed.contains("file:///srv/") && listed.contains("never"))
                #expect(try await run(fleet, "freshness", "check").contains("enqueued"))
                #expect(try await run(fleet, "freshness", "check", "--reingest").contains("enqueued"))
                #expect(try await run(fleet, "freshness", "check", "--reingest").contains("was there already"))
                _ = try fleet.startWorkers()
                try await eventually("freshness is measured", within: .seconds(60)) {
                    try await run(fleet, "freshness", "ls", "--json").contains("\"documents\":0")
                }
                try await run(fleet, "freshness", "rm", "file:///srv/", "--tenant", "acme")
                try await run(fleet, "freshness", "rm", "file:///srv/", "--tenant", "acme", status: 4)
                try await run(fleet, "freshness", "set", "file:///srv/", "--target", "0s", status: 64)

                #expect(try await run(fleet, "schedules", "install-defaults", "--dry-run").contains("would be added"))
                #expect(try await run(fleet, "schedules", "ls", "--json").contains("\"schedules\":[]"))
                let installed = try await run(fleet, "schedules", "install-defaults")
                #expect(installed.contains("sluice.index-compact") && !installed.contains("no such kind"))
                #expect(try await !run(fleet, "schedules", "install-defaults").contains("added"))
            }
        }

        @Test("workerctl backup create and restore --verify, and what a changed dump leads to")
        func backup() async throws {
            try await TestFleet.run { fleet in
                _ = try fleet.start("coordinator")
                _ = try fleet.startWorkers()
                let file = try fleet.write("a.txt", Array("A document to be backed up.".utf8))
                try await run(fleet, "ingest", file, "--wait", "--timeout", "60")
                let made = try await run(fleet, "backup", "create", fleet.scratch)
                let path = String(made.prefix { $0 != "\n" })
                let checks = try await run(fleet, "backup", "restore", path, "--into", "sluice_drill", "--verify")
                #expect(checks.contains("index default") && !checks.contains("FAIL"))
                try await run(fleet, "backup", "restore", path, "--into", "sluice_drill", status: 1)
                try await run(fleet, "backup", "restore", fleet.scratch, "--into", "sluice_drill", status: 1)
                let configuration = PostgresConfiguration(
                    url: try TestServers.requireDatabaseURL(),
                    applicationName: "sluice-test"
                )
                let drill = Store(
                    configuration: try #require(configuration.inDatabase("sluice_drill")),
                    schema: fleet.schema,
                    logger: TestServers.quiet
                )
                defer { drill.close() }
                try await drill.pool.withConnection { try await $0.script("DROP SCHEMA \(fleet.schema) CASCADE") }
            }
        }
    }
}
