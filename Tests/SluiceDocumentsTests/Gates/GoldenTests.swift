import SluiceCore
import SluiceDocuments
import Testing

@Suite("Golden queries")
struct GoldenTests {
    private func parse(_ text: String) throws -> [GoldenQuery] {
        try GoldenFile.parse(text, named: "golden.jsonl", tenant: .default)
    }

    @Test("a file gives its queries, with what is left out filled in")
    func file() throws {
        let queries = try parse(
            """
            {"query": "who pays", "relevant": [{"uri": "file:///a.pdf", "page": 3}, {"document": "b.md", "grade": 2}]}

            {"query": "when", "tenant": "acme", "slice": "dates", "relevant": [{"document": "c"}]}
            """
        )
        #expect(
            queries == [
                GoldenQuery(
                    tenant: .default,
                    text: "who pays",
                    slice: "",
                    relevant: [.init(.uri("file:///a.pdf"), page: 3), .init(.name("b.md"), grade: 2)]
                ),
                GoldenQuery(
                    tenant: TenantID(trusted: "acme"),
                    text: "when",
                    slice: "dates",
                    relevant: [.init(.name("c"))]
                ),
            ]
        )
        #expect(GoldenQuery.digest(of: queries) == GoldenQuery.digest(of: queries))
        #expect(GoldenQuery.digest(of: queries) != GoldenQuery.digest(of: queries.reversed()))
    }

    @Test(
        "what is wrong is named with its line",
        arguments: [
            (#"{"query": "a""#, "JSON"), ("[]", "wrong type"), (#"{"relevant": [{"uri": "x"}]}"#, "'query' is missing"),
            (#"{"query": " ", "relevant": [{"uri": "x"}]}"#, "'query' is empty"),
            (#"{"query": 3, "relevant": [{"uri": "x"}]}"#, "'query' has the wrong type"),
            (#"{"query": "a"}"#, "'relevant' names nothing"), (#"{"query": "a", "relevant": []}"#, "names nothing"),
            (#"{"query": "a", "relevant": [{}]}"#, "either 'uri' or 'document'"),
            (#"{"query": "a", "relevant": [{"uri": "x", "document": "y"}]}"#, "either 'uri' or 'document'"),
            (#"{"query": "a", "relevant": [{"uri": "x", "page": 0}]}"#, "'page'"),
            (#"{"query": "a", "relevant": [{"uri": "x", "grade": 0}]}"#, "'grade'"),
            (#"{"query": "a", "tenant": "No Tenant", "relevant": [{"uri": "x"}]}"#, "'tenant'"),
            (#"{"query": "first", "relevant": [{"uri": "x"}]}"#, "in line 1 already"),
            (#"{"query": "a\u0000", "relevant": [{"uri": "x"}]}"#, "NUL"),
        ]
    )
    func refusals(line: String, reason: String) throws {
        let text = #"{"query": "first", "relevant": [{"uri": "x"}]}"# + "\n\n" + line + "\n"
        let error = #expect(throws: GoldenFileError.self) { try parse(text) }
        #expect(error?.line == 3)
        #expect(error?.description.hasPrefix("golden.jsonl:3: ") == true)
        #expect(error?.reason.contains(reason) == true, "\(error?.reason ?? "")")
    }

    @Test("an empty file is refused")
    func empty() {
        #expect(throws: GoldenFileError.self) { try parse(" \n") }
    }

    @Test("sets in the form of BEIR")
    func beir() throws {
        let queries = """
            {"_id": "1", "text": "zero-dimensional"}
            {"id": "2", "text": "unanswered"}
            {"id": "3", "text": "genomes"}
            """
        let qrels = "query-id\tcorpus-id\tscore\n1\t31715818\t1\n3\t14717500\t2\n3\t9\t0\n2\t9\t0\n"
        let parsed = try GoldenFile.parseBEIR(
            queries: (queries, "queries.jsonl"),
            qrels: (qrels, "qrels.tsv"),
            tenant: .default
        )
        #expect(parsed.map(\.text) == ["zero-dimensional", "genomes"])
        #expect(parsed[1].relevant == [GoldenRelevant(.name("14717500"), grade: 2)])
        func lines(_ queries: String, _ qrels: String) -> GoldenFileError? {
            #expect(throws: GoldenFileError.self) {
                try GoldenFile.parseBEIR(queries: (queries, "q"), qrels: (qrels, "r"), tenant: .default)
            }
        }
        #expect(lines(queries, "1\t2\n")?.description.hasPrefix("r:1:") == true)
        #expect(lines(queries, "h\th\th\n1\t2\tx\n")?.description.hasPrefix("r:2:") == true)
        #expect(lines("{}\n", qrels)?.description.hasPrefix("q:1:") == true)
        #expect(lines(queries, "7\t2\t1\n")?.reason.contains("no query") == true)
    }

    @Test("an answer is found by URI, by name with or without ending, and by page")
    func matching() {
        let uri = "file:///data/report.v2.pdf"
        #expect(GoldenRelevant(.uri(uri)).matches(uri: uri, pages: nil))
        #expect(!GoldenRelevant(.uri("file:///data/report.v2")).matches(uri: uri, pages: nil))
        #expect(GoldenRelevant(.name("report.v2.pdf")).matches(uri: uri, pages: nil))
        #expect(GoldenRelevant(.name("report.v2")).matches(uri: uri, pages: nil))
        #expect(!GoldenRelevant(.name("report")).matches(uri: uri, pages: nil))
        #expect(GoldenRelevant(.uri(uri), page: 3).matches(uri: uri, pages: 2...3))
        #expect(!GoldenRelevant(.uri(uri), page: 4).matches(uri: uri, pages: 2...3))
        #expect(!GoldenRelevant(.uri(uri), page: 4).matches(uri: uri, pages: nil))
    }

    @Test("documents count once, however many of their chunks are hits; pages by themselves")
    func ranking() {
        let whole = GoldenQuery(tenant: .default, text: "q", slice: "", relevant: [.init(.name("b"))])
        let hits: [(uri: String, pages: ClosedRange<Int>?)] = [
            ("/a", 1...1), ("/a", 2...2), ("/b", 1...1), ("/b", 2...2),
        ]
        #expect(GoldenRanking.answers(hits, to: whole) == [.other("/a"), .right(0)])
        let pages = GoldenQuery(
            tenant: .default,
            text: "q",
            slice: "",
            relevant: [.init(.name("b"), page: 1), .init(.name("b"), page: 2, grade: 3), .init(.name("c"), page: 1)]
        )
        #expect(GoldenRanking.answers(hits, to: pages) == [.other("0"), .other("1"), .right(0), .right(1)])
        #expect(GoldenRanking.answers([("/b", 1...2)], to: pages) == [.right(1), .right(0)], "the better first")
        #expect(GoldenRanking.grades(pages) == [.right(0): 1, .right(1): 3, .right(2): 1])
    }
}
