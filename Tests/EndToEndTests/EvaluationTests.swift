import SluiceSystem
import SluiceTestKit
import Testing

extension EndToEnd {
    @Suite struct Evaluating {
        private struct Run: Decodable {
            struct Gate: Decodable { let gate: String, outcome: String, note: String }

            let kind: String
            let verdict: String
            let gates: [Gate]
        }

        private struct Golden: Decodable { let name: String, queries: Int }

        @Test("golden queries in, a verdict with a page out; a drift check by the clock is kept beside it")
        func wholeWay() async throws {
            try await TestFleet.run { fleet in
                _ = try fleet.start("coordinator")
                _ = try fleet.startWorkers()
                let folder = try fleet.writePDFs(3, pages: 4)
                let ingest = try await fleet.ctl(["ingest", folder, "--recursive", "--wait", "--json"])
                #expect(ingest.status == 0, "\(ingest.errors)")

                let line = #"{"query": "handbook", "relevant": [{"document": "doc1.pdf", "page": 2}]}"#
                let file = try fleet.write("support.jsonl", Array((line + "\n").utf8))
                let imported = try await fleet.ctl(["golden", "import", file])
                #expect(imported.status == 0 && imported.output.contains("golden set support"), "\(imported.errors)")
                #expect(try await fleet.ctl(["golden", "import", file]).output.contains("unchanged"))
                let bad = try fleet.write("bad.jsonl", Array((line + "\n{\"query\": \"x\"}\n").utf8))
                let refused = try await fleet.ctl(["golden", "import", bad])
                #expect(refused.status == 1 && refused.errors.contains("bad.jsonl:2: 'relevant'"), "\(refused.errors)")
                let sets = try decode([Golden].self, from: try await fleet.ctl(["golden", "ls", "--json"]).output)
                #expect(sets.map(\.name) == ["support"] && sets.map(\.queries) == [1])

                let wrong = try await fleet.ctl(["gates", "thresholds", "--set", "recal=1"])
                #expect(wrong.status == 64 && wrong.errors.contains("recall"))
                // The machine may be busy with other tests.
                let set = try await fleet.ctl(["gates", "thresholds", "--set", "p95_ms=60000", "--set", "samples=40"])
                #expect(set.status == 0 && set.output.contains("60000"), "\(set.errors)")

                let page = fleet.scratch + "/report.html"
                try await eventually("the HNSW index is built, and the live version passes", within: .seconds(120)) {
                    try await fleet.ctl(["eval", "--html", page]).status == 0
                }
                let eval = try await fleet.ctl(["eval", "default", "--json", "--html", page])
                let run = try decode(Run.self, from: eval.output)
                #expect(eval.status == 0 && run.verdict == "go" && run.kind == "gates", "\(eval.output)\(eval.errors)")
                let html = try #require(Environment.textFile(page))
                #expect(html.contains("<svg") && html.contains(">GO<") && !html.contains("<script"))
                #expect(try await fleet.ctl(["eval", "nowhere"]).status == 4)
                #expect(try await fleet.ctl(["eval", "default", "--index-version", "9"]).status == 4)
                #expect(try await fleet.ctl(["eval", "default", "--golden", "none"]).status == 4)
                // A gate that nothing can pass: no GO, and the documented status.
                _ = try await fleet.ctl(["gates", "thresholds", "--set", "p95_ms=1"])
                let slow = try await fleet.ctl(["eval", "default"])
                #expect(slow.status == 10 && slow.output.contains("NO-GO"), "\(slow.output)\(slow.errors)")

                let add = [
                    "schedules", "add", "verify", "@every 24h", "--kind", "index.verify", "--queue", "maintenance",
                ]
                #expect(try await fleet.ctl(add).status == 0)
                #expect(try await fleet.ctl(["schedules", "trigger", "verify"]).status == 0)
                try await eventually("the drift check has run", within: .seconds(60)) {
                    let runs = try await fleet.ctl(["gates", "ls", "--json"]).output
                    return try decode([Run].self, from: runs).contains { $0.kind == "drift" && $0.verdict == "go" }
                }
                let listed = try await fleet.ctl(["gates", "ls"])
                #expect(listed.output.contains("no_go") && listed.output.contains("latency"))
                #expect(try await fleet.ctl(["golden", "rm", "support"]).status == 0)
                #expect(try await fleet.ctl(["golden", "rm", "support"]).status == 4)
            }
        }
    }
}
