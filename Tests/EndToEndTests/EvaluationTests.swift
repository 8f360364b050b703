import SluiceSystem
import SluiceTestKit
import Testing

extension EndToEnd {
    @Suite struct Evaluating {
        private struct Run: Decodable {
            struct Gate: Decodable { let gate: String, outcome: String, note: String }

            let version: Int
            let state: String?
            let against: Int?
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
                let set = try await fleet.ctl([
                    "gates", "thresholds", "--set", "p95_ms=60000", "--set", "samples=40", "--set", "p95_ratio=1000",
                ])
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
                // The gates of a worker judge what it rebuilds, and their GO lets it be swapped in.
                let rebuild = ["indexes", "rebuild", "--m", "20", "--auto-swap", "--wait", "--timeout", "100s"]
                let rebuilt = try await fleet.ctl(rebuild)
                #expect(rebuilt.status == 0, "\(rebuilt.output)\(rebuilt.errors)")
                let second = try decode(Run.self, from: try await fleet.ctl(["eval", "--json"]).output)
                #expect(second.version == 2 && second.state == "live" && second.verdict == "go")
                // A version that waits may answer a share first.
                #expect(try await fleet.ctl(["indexes", "canary"]).status == 4)
                #expect(try await fleet.ctl(["indexes", "canary", "--percent", "5"]).status == 1, "nothing is ready")
                #expect(try await fleet.ctl(["indexes", "canary", "nowhere", "--percent", "5"]).status == 4)
                let waiting = try await fleet.ctl(["indexes", "rebuild", "--wait", "--timeout", "100s"])
                #expect(waiting.status == 0, "\(waiting.output)\(waiting.errors)")
                // Without a number it is the candidate that is judged.
                let candidate = try decode(Run.self, from: try await fleet.ctl(["eval", "--json"]).output)
                #expect(candidate.version == 3 && candidate.state == "ready" && candidate.against == 2)
                let table = try await fleet.ctl(["eval"])
                #expect(table.output.contains("version 3 (ready) against version 2 (live): GO"), "\(table.output)")
                let live = try await fleet.ctl(["eval", "--index-version", "2", "--json"])
                #expect(try decode(Run.self, from: live.output).against == nil, "the live one, by itself")
                let canary = try await fleet.ctl([
                    "indexes", "canary", "--percent", "100", "--by", "question", "--json",
                ])
                #expect(canary.status == 0 && canary.output.contains("\"active\":true"), "\(canary.errors)")
                let asked = try await fleet.ctl(["search", "handbook", "--json"])
                #expect(try decode(SearchReport.self, from: asked.output).version == 3)
                let counted = try await fleet.ctl(["indexes", "canary", "--json"])
                #expect(counted.output.contains("\"searches\":1"), "a search is counted: \(counted.output)")
                #expect(try await fleet.ctl(["indexes", "canary", "--off"]).status == 0)
                let after = try await fleet.ctl(["search", "handbook", "--json"])
                #expect(try decode(SearchReport.self, from: after.output).version == 2)
                #expect(try await fleet.ctl(["indexes", "abort"]).status == 0)
                // A gate that nothing can pass: no GO, and the documented status.
                _ = try await fleet.ctl(["gates", "thresholds", "--set", "p95_ms=1"])
                let slow = try await fleet.ctl(["eval", "default"])
                #expect(slow.status == 10 && slow.output.contains("NO-GO"), "\(slow.output)\(slow.errors)")

                let refusedRebuild = try await fleet.ctl(["indexes", "rebuild", "--wait", "--timeout", "100s"])
                #expect(refusedRebuild.status != 0, "\(refusedRebuild.output)\(refusedRebuild.errors)")
                let third = try decode([Run].self, from: try await fleet.ctl(["gates", "ls", "--json"]).output)
                #expect(third.first?.version == 4 && third.first?.verdict == "no_go")
                _ = try await fleet.ctl(["gates", "thresholds", "--set", "p95_ms=60000"])

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
                // What readers ask is kept where the operator wants it, and may become a golden query.
                #expect(try await fleet.ctl(["indexes", "questions", "--percent", "5"]).status == 64)
                #expect(try await fleet.ctl(["indexes", "questions", "nowhere", "--on"]).status == 4)
                let keeps = try await fleet.ctl(["indexes", "questions", "--on", "--percent", "100", "--json"])
                #expect(keeps.status == 0 && keeps.output.contains("\"keeps\":true"), "\(keeps.output)\(keeps.errors)")
                #expect(try await fleet.ctl(["search", "which page is on leases"]).status == 0)
                struct Question: Decodable { let id: Int, question: String, tenant: String }
                let kept = try decode(
                    [Question].self,
                    from: try await fleet.ctl(["golden", "questions", "--json"]).output
                )
                #expect(kept.map(\.question) == ["which page is on leases"])
                let promote = [
                    "golden", "promote", "\(kept.first?.id ?? 0)", "--name", "support", "--document", "doc1.pdf",
                ]
                let promoted = try await fleet.ctl(promote)
                #expect(promoted.status == 0 && promoted.output.contains("2 queries"), "\(promoted.errors)")
                #expect(
                    try await fleet.ctl(["golden", "promote", "0", "--name", "a", "--uri", "file:///a"]).status == 4
                )
                #expect(try await fleet.ctl(["indexes", "questions", "--off"]).output.contains("keeps no questions"))
                #expect(try await fleet.ctl(["golden", "questions", "--json"]).output == "[]\n")
                #expect(try await fleet.ctl(["golden", "rm", "support"]).status == 0)
                #expect(try await fleet.ctl(["golden", "rm", "support"]).status == 4)
            }
        }

        @Test(
            "vectors of the real model, quantised, are those of their texts embedded anew",
            .enabled(if: Environment.home() != nil)
        )
        func realModel() async throws {
            let home = try #require(Environment.home())
            try await TestFleet.run(model: home + "/models/all-MiniLM-L6-v2/int8") { fleet in
                _ = try fleet.start("coordinator")
                _ = try fleet.startWorkers()
                let folder = try fleet.writePDFs(3, pages: 6)
                let ingest = try await fleet.ctl(["ingest", folder, "--recursive", "--wait"], within: .seconds(240))
                #expect(ingest.status == 0, "\(ingest.errors)")
                let eval = try await fleet.ctl(["eval", "--json", "--sample", "40"])
                let run = try decode(Run.self, from: eval.output)
                let gates = Dictionary(run.gates.map { ($0.gate, $0) }) { first, _ in first }
                for name in ["reembedding", "cached_vectors", "recall", "tenant_coverage", "sound_vectors"] {
                    #expect(gates[name]?.outcome == "passed", "\(name): \(gates[name]?.note ?? "")")
                }
            }
        }
    }
}
