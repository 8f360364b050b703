import Glibc
import SluiceServerKit
import SluiceTestKit
import Testing

private struct CutVersionRow: Decodable {
    let version: Int
    let state: String
    let chunkSet: Int
    let chunkSize: Int?
    let chunkOverlap: Int?
}

extension EndToEnd {
    @Suite struct Rechunking {
        private func versions(_ fleet: TestFleet) async throws -> [CutVersionRow] {
            let listed = try await fleet.ctl(["indexes", "ls", "--all", "--json"])
            try #require(listed.status == 0, "\(listed.errors)")
            return try decode([CutVersionRow].self, from: listed.output)
        }

        /// Commits: the table, each document's chunks, copied vectors.
        @Test(
            "another chunker, with kill -9 around the commits of the cutting: it goes on, ends whole, and the sources may be gone"
        )
        func killed() async throws {
            try await TestFleet.run(extra: [
                "SLUICE_LEASE_SECONDS": "3", "SLUICE_TEST_KINDS": "1", "SLUICE_TEST_GATES": "go",
            ]) { fleet in
                _ = try fleet.start("coordinator")
                _ = try fleet.start("worker", ["--queues", "ingestion"])
                _ = try fleet.start("worker", ["--queues", "embedding"])
                let folder = try fleet.writePDFs(3, pages: 4)
                let ingested = try await fleet.ctl(["ingest", folder, "--recursive", "--wait", "--json"])
                try #require(ingested.status == 0, "\(ingested.errors)")
                let chunks = try decode(IngestReport.self, from: ingested.output).chunks
                for number in 0..<3 { unlink("\(folder)/doc\(number).pdf") }
                let plan = try await fleet.ctl(["indexes", "plan", "--chunk-size", "300", "--overlap", "30", "--json"])
                #expect(plan.status == 0 && plan.output.contains("estimated"), "\(plan.output)\(plan.errors)")
                #expect(try await fleet.ctl(["indexes", "plan", "--chunk-size", "10", "--overlap", "11"]).status != 0)

                let begun = try await fleet.ctl([
                    "indexes", "rebuild", "--chunk-size", "300", "--overlap", "30", "--auto-swap", "--json",
                ])
                try #require(begun.status == 0, "\(begun.errors)")
                for point in ["before_commit:2", "after_commit:2"] {
                    let doomed = try fleet.start(
                        "worker",
                        ["--queues", "maintenance"],
                        extra: ["SLUICE_FAILPOINT": point]
                    )
                    let ending = try await doomed.exit(within: .seconds(60))
                    #expect(ending == -SIGKILL, "\(point): \(doomed.errors.suffix(2_000))")
                }
                let worker = try fleet.start("worker", ["--queues", "maintenance"])
                try await eventually("version 2 answers", within: .seconds(90)) {
                    try await versions(fleet).contains { $0.version == 2 && $0.state == "live" }
                }
                let live = try #require(try await versions(fleet).first { $0.version == 2 })
                #expect(live.chunkSet == 2 && live.chunkSize == 300 && live.chunkOverlap == 30)
                for version in ["1", "2"] {
                    let verified = try await fleet.ctl(["indexes", "verify", "--version", version, "--json"])
                    #expect(verified.status == 0, "version \(version): \(verified.output)\(verified.errors)")
                }
                let found = try await fleet.ctl(["search", "handbook", "--json"])
                #expect(found.status == 0 && found.output.contains("\"version\":2"), "\(found.output)\(found.errors)")

                // What comes now is cut as the index says, whatever the workers are set to.
                try fleet.write("docs/later.md", Array("# Later\n\nThe quick heron counts nine lighthouses.\n".utf8))
                let later = try await fleet.ctl(["ingest", "\(folder)/later.md", "--wait", "--json"])
                #expect(later.status == 0, "\(later.output)\(later.errors)")
                let back = try await fleet.ctl(["indexes", "rollback", "--json"])
                #expect(back.status == 0, "\(back.output)\(back.errors)")
                let heron = try await fleet.ctl(["search", "heron lighthouses", "--json"])
                #expect(heron.output.contains("quick heron") && heron.output.contains("\"version\":1"))
                #expect(try await fleet.ctl(["indexes", "retire", "--now"]).status == 0)
                #expect(chunks > 0)
                worker.send(SIGTERM)
                _ = try await worker.exit(within: .seconds(30))
            }
        }
    }
}
