import SluiceServerKit
import Testing

/// Everything that starts real processes: one after the other, they share two cores.
@Suite(.serialized, .enabled(if: TestServers.arePresent && Executable.arePresent), .timeLimit(.minutes(5)))
enum EndToEnd {}

extension EndToEnd {
    @Suite struct Ingesting {
        @Test("files in, cited hits out; the same files again cost nothing; a changed one costs its changed chunks")
        func wholeWay() async throws {
            try await TestFleet.run { fleet in
                _ = try fleet.start("coordinator")
                _ = try fleet.startWorkers()
                let folder = try fleet.writePDFs(3, pages: 4)
                let needle = "The zebra finch keeps the seventh ledger of Port Louis."
                try fleet.write("docs/needle.md", Array("# Birds\n\n\(needle)\n".utf8))

                let first = try await fleet.ctl(["ingest", folder, "--recursive", "--wait", "--json"])
                #expect(first.status == 0, "\(first.errors)")
                let report = try decode(IngestReport.self, from: first.output)
                #expect(report.documents == ["ok": 4])
                #expect(report.pages == 12)
                #expect(report.chunks > 12 && report.embedded == report.chunks)

                let found = try await fleet.ctl(["search", needle, "--k", "3", "--json"])
                #expect(found.status == 0, "\(found.errors)")
                let search = try decode(SearchReport.self, from: found.output)
                #expect(search.hits.count == 3)
                #expect(search.hits.first?.text.contains(needle) == true)
                #expect(search.hits.first?.uri.hasSuffix("docs/needle.md") == true)

                let again = try await fleet.ctl(["ingest", folder, "--recursive", "--wait", "--json"])
                let unchanged = try decode(IngestReport.self, from: again.output)
                #expect(unchanged.documents == ["unchanged": 4])
                #expect(unchanged.embedded == 0)

                var pages = (0..<4).map { Prose.lines(document: 1, page: $0) }
                pages[3][39] = "This very last line was rewritten."
                try fleet.write("docs/doc1.pdf", MiniPDF.make(pages: pages, title: "Handbook 1"))
                let third = try await fleet.ctl(["ingest", folder, "--recursive", "--wait", "--json"])
                let changed = try decode(IngestReport.self, from: third.output)
                #expect(changed.documents == ["ok": 1, "unchanged": 3])
                #expect((1...2).contains(changed.embedded), "embedded \(changed.embedded) chunks for one changed line")
            }
        }

        @Test("doctor finds nothing wrong with servers that are set up as the README says")
        func doctor() async throws {
            try await TestFleet.run { fleet in
                let report = try await fleet.ctl(["doctor", "--json"])
                // The servers of a test run may be less durable than production's; that is all it may remark.
                #expect([0, 2, 3].contains(report.status), "\(report.output)\(report.errors)")
                #expect(
                    report.output.contains("\"check\":\"PostgreSQL\"") && report.output.contains("\"verdict\":\"ok\"")
                )
            }
        }

        @Test("another tenant finds nothing of it")
        func tenants() async throws {
            try await TestFleet.run { fleet in
                _ = try fleet.start("coordinator")
                _ = try fleet.startWorkers()
                let path = try fleet.write("secret.txt", Array("The vault opens at noon on Thursdays.".utf8))
                let mine = try await fleet.ctl(["ingest", path, "--tenant", "acme", "--wait", "--json"])
                #expect(mine.status == 0, "\(mine.errors)")
                let other = try await fleet.ctl(["search", "vault", "--tenant", "globex", "--json"])
                #expect(try decode(SearchReport.self, from: other.output).hits.isEmpty)
                let own = try await fleet.ctl(["search", "vault", "--tenant", "acme", "--json"])
                #expect(try decode(SearchReport.self, from: own.output).hits.count == 1)
            }
        }

        @Test("damaged, empty and hostile files have their outcome, and their neighbours do not notice")
        func outcomes() async throws {
            try await TestFleet.run(extra: [
                "SLUICE_EXTRACTOR_TEST_HOOKS": "1", "SLUICE_EXTRACT_TIMEOUT_SECONDS": "2",
            ]) { fleet in
                _ = try fleet.start("coordinator")
                _ = try fleet.startWorkers()
                let folder = try fleet.writePDFs(3, pages: 2, folder: "mixed")
                let whole = MiniPDF.make(pages: [Prose.lines(document: 9, page: 0)])
                try fleet.write("mixed/truncated.pdf", Array(whole.prefix(60)))
                try fleet.write("mixed/zero.pdf", [])
                try fleet.write("mixed/blank.pdf", MiniPDF.make(pages: [[]]))
                try fleet.write("mixed/crash.pdf", Array("%SLUICE-TEST crash\n".utf8))
                try fleet.write("mixed/hang.pdf", Array("%SLUICE-TEST hang\n".utf8))
                let done = try await fleet.ctl(
                    ["ingest", folder, "--recursive", "--wait", "--json"],
                    within: .seconds(240)
                )
                let report = try decode(IngestReport.self, from: done.output)
                #expect(report.documents["ok"] == 3)
                #expect(report.documents["corrupt"] == 1)
                #expect(report.documents["empty"] == 2)
                #expect(report.documents["timeout"] == 1)
                #expect(report.documents.keys.contains { $0.hasPrefix("crashed(") })
                #expect(done.status == 1, "failed documents must show in the exit code")
                let dead = try await fleet.ctl(["dlq", "ls"])
                #expect(dead.output.contains("extraction.crashed") && dead.output.contains("extraction.timeout"))
                let status = try await fleet.status()
                #expect(status.workers.filter { $0.state == "live" }.count == 3, "no worker died of it")
                let why = try await fleet.ctl(["documents", "why", "\(fleet.scratch)/mixed/truncated.pdf"])
                #expect(why.status == 0 && why.output.contains("corrupt"))
            }
        }

        @Test("an encrypted PDF is read with an empty or a configured password, and is called encrypted without")
        func sealed() async throws {
            try await TestFleet.run { fleet in
                _ = try fleet.start("coordinator")
                _ = try fleet.startWorkers()
                try fleet.write("sealed/open.pdf", SealedPDF.open)
                let locked = try fleet.write("sealed/locked.pdf", SealedPDF.locked)
                let done = try await fleet.ctl(["ingest", "\(fleet.scratch)/sealed", "--recursive", "--wait", "--json"])
                let report = try decode(IngestReport.self, from: done.output)
                #expect(report.documents == ["ok": 1, "encrypted": 1])
                #expect(done.status == 1)
                let why = try await fleet.ctl(["documents", "why", locked])
                #expect(why.status == 0 && why.output.contains("encrypted"))
                let found = try await fleet.ctl(["search", SealedPDF.sentence, "--json"])
                let hits = try decode(SearchReport.self, from: found.output).hits
                #expect(hits.count == 1 && hits.first?.uri.hasSuffix("open.pdf") == true)
            }
            try await TestFleet.run { fleet in
                let passwords = try fleet.write("passwords", Array("wrong\n\(SealedPDF.password)\n".utf8))
                let setting = ["SLUICE_DOCUMENT_PASSWORDS_FILE": passwords]
                _ = try fleet.start("coordinator")
                _ = try fleet.start("worker", ["--queues", "ingestion,embedding,maintenance"], extra: setting)
                let locked = try fleet.write("sealed/locked.pdf", SealedPDF.locked)
                let done = try await fleet.ctl(["ingest", locked, "--wait", "--json"])
                #expect(done.status == 0, "\(done.errors)")
                #expect(try decode(IngestReport.self, from: done.output).documents == ["ok": 1])
            }
        }
    }
}
