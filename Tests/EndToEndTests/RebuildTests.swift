import Glibc
import SluiceServerKit
import SluiceTestKit
import Testing

private struct VersionRow: Decodable {
    let version: Int
    let state: String
    let rowsCopied: Int
    let rowsEmbedded: Int
    let rowsPlanned: Int
}

extension EndToEnd {
    @Suite struct Rebuilding {
        private func versions(_ fleet: TestFleet) async throws -> [VersionRow] {
            let listed = try await fleet.ctl(["indexes", "ls", "--all", "--json"])
            try #require(listed.status == 0, "\(listed.errors)")
            return try decode([VersionRow].self, from: listed.output)
        }

        /// Steps that commit: table made, vectors copied, found whole, index built, judged, swapped in.
        @Test("kill -9 of the worker before and after the commit of each step: the rebuild goes on and ends whole")
        func killed() async throws {
            try await TestFleet.run(extra: [
                "SLUICE_LEASE_SECONDS": "3", "SLUICE_TEST_KINDS": "1", "SLUICE_TEST_GATES": "go",
            ]) { fleet in
                _ = try fleet.start("coordinator")
                let others = [
                    try fleet.start("worker", ["--queues", "ingestion"]),
                    try fleet.start("worker", ["--queues", "embedding"]),
                ]
                let folder = try fleet.writePDFs(3, pages: 4)
                let ingested = try await fleet.ctl(["ingest", folder, "--recursive", "--wait", "--json"])
                try #require(ingested.status == 0, "\(ingested.errors)")
                let chunks = try decode(IngestReport.self, from: ingested.output).chunks
                // Whatever the rebuilds need, it is no model.
                others[1].send(SIGKILL)
                for step in 1...6 {
                    let begun = try await fleet.ctl(["indexes", "rebuild", "--auto-swap", "--json"])
                    try #require(begun.status == 0, "\(begun.errors)")
                    for point in ["before_commit:\(step)", "after_commit:1"] {
                        let doomed = try fleet.start(
                            "worker",
                            ["--queues", "maintenance"],
                            extra: ["SLUICE_FAILPOINT": point]
                        )
                        // The last step leaves nothing to be killed after.
                        if step == 6 && point == "after_commit:1" {
                            doomed.send(SIGKILL)
                            _ = try await doomed.exit(within: .seconds(30))
                            continue
                        }
                        let ending = try await doomed.exit(within: .seconds(60))
                        #expect(ending == -SIGKILL, "step \(step), \(point): \(doomed.errors.suffix(2_000))")
                    }
                    let worker = try fleet.start("worker", ["--queues", "maintenance"])
                    try await eventually("version \(step + 1) answers", within: .seconds(60)) {
                        try await versions(fleet).contains { $0.version == step + 1 && $0.state == "live" }
                    }
                    worker.send(SIGKILL)
                    _ = try await worker.exit(within: .seconds(30))
                    let verified = try await fleet.ctl(["indexes", "verify", "--json"])
                    #expect(verified.status == 0, "step \(step): \(verified.output)\(verified.errors)")
                }
                let all = try await versions(fleet)
                #expect(all.count == 7 && all.dropLast().allSatisfy { $0.rowsCopied == chunks && $0.rowsEmbedded == 0 })
                #expect(all.filter { $0.state == "soaking" }.count == 6)
            }
        }

        @Test("rebuild, swap and rollback by hand; an aborted version is dropped; what is refused says why")
        func byHand() async throws {
            try await TestFleet.run(
                extra: [
                    "SLUICE_TEST_KINDS": "1", "SLUICE_TEST_GATES": "go", "SLUICE_CANDIDATE_MODEL": "deterministic:64:9",
                ]
            ) { fleet in
                _ = try fleet.start("coordinator")
                _ = try fleet.startWorkers()
                let folder = try fleet.writePDFs(2, pages: 2)
                #expect(try await fleet.ctl(["ingest", folder, "--recursive", "--wait"]).status == 0)
                let plan = try await fleet.ctl(["indexes", "plan", "--model", "candidate", "--json"])
                #expect(plan.status == 0 && plan.output.contains("\"reused\":0"), "\(plan.output)\(plan.errors)")
                #expect(try await fleet.ctl(["indexes", "plan", "--disk-free", "1K"]).status == 1)
                #expect(try await fleet.ctl(["indexes", "rollback"]).status == 4)
                #expect(try await fleet.ctl(["indexes", "swap"]).status == 4)
                #expect(try await fleet.ctl(["indexes", "show", "nowhere"]).status == 4)

                let first = try await fleet.ctl(["indexes", "rebuild", "--wait", "--timeout", "90s", "--json"])
                #expect(first.status == 0, "\(first.errors)")
                #expect(try decode([VersionRow].self, from: first.output).first?.state == "ready")
                let aborted = try await fleet.ctl(["indexes", "abort", "--reason", "only a trial"])
                #expect(aborted.status == 0, "\(aborted.errors)")

                #expect(try await fleet.ctl(["indexes", "plan", "--partitions-at-most", "3"]).status == 64)
                let swapped = try await fleet.ctl([
                    "indexes", "rebuild", "--model", "candidate", "--partition-above", "1", "--auto-swap", "--wait",
                    "--timeout", "90s", "--json",
                ])
                #expect(swapped.status == 0, "\(swapped.errors)")
                #expect(swapped.output.contains("\"partitions\":1"), "\(swapped.output)")
                let third = try decode([VersionRow].self, from: swapped.output)
                #expect(third.first?.state == "live" && third.first?.version == 3)
                // Questions and ingestion go on with the model of the index.
                let asked = try await fleet.ctl(["search", "handbook", "--mode", "dense", "--json"])
                #expect(asked.status == 0 && asked.output.contains("\"version\":3"), "\(asked.errors)")
                try fleet.write("docs/later.md", Array("# Later\n\nThe quick heron counts nine lighthouses.\n".utf8))
                let later = try await fleet.ctl(["ingest", folder, "--recursive", "--wait", "--json"])
                #expect(try decode(IngestReport.self, from: later.output).documents == ["ok": 1, "unchanged": 2])
                try await eventually("the version that soaks got it too", within: .seconds(30)) {
                    try await fleet.ctl(["indexes", "verify", "--version", "1"]).status == 0
                }
                let back = try await fleet.ctl(["indexes", "rollback", "--json"])
                #expect(back.status == 0 && back.output.contains("\"to\":1"), "\(back.output)\(back.errors)")
                let found = try await fleet.ctl(["search", "heron lighthouses", "--mode", "dense", "--json"])
                #expect(try decode(SearchReport.self, from: found.output).version == 1)
                #expect(found.output.contains("quick heron"))
                #expect(try await fleet.ctl(["indexes", "retire"]).status == 1, "its soak is not over")
                #expect(try await fleet.ctl(["indexes", "retire", "--now"]).status == 0)
                let events = try await fleet.ctl(["indexes", "events", "default", "--json"])
                for event in [
                    "planned", "began", "loaded", "swapped in", "rolled back in", "aborted", "retired", "dropped",
                ] {
                    #expect(events.output.contains("\"event\":\"\(event)\""), "no event '\(event)'")
                }
                #expect(try await fleet.ctl(["audit", "ls", "--json"]).output.contains("indexes rollback"))
                #expect(try await fleet.ctl(["indexes", "create", "spare"]).status == 0)
                #expect(try await fleet.ctl(["indexes", "create", "spare"]).status == 1)
            }
        }
    }
}
