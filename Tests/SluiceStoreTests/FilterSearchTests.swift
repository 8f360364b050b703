import SluiceCore
import SluiceDocuments
import SluiceInference
import SluicePostgres
import SluiceSearch
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("Search with filters", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(5)))
struct FilterSearchTests {
    /// How the searcher is led to each of its ways: looking at each that matches, comparing all of the tenant's, the index.
    private static let ways: [(exactBelow: Int, matchingBelow: Int)] = [(10_000, 4_000), (10_000, 0), (0, 0)]

    private static func searcher(_ fixture: DocumentsFixture, _ way: (exactBelow: Int, matchingBelow: Int)) -> Searcher
    {
        Searcher(
            pool: fixture.store.pool,
            embedder: fixture.embedder,
            exactBelow: way.exactBelow,
            matchingBelow: way.matchingBelow
        )
    }

    /// Documents of a few chunks that all have the word "ledger", with random attributes, of two tenants.
    private static func fill(
        _ fixture: DocumentsFixture,
        _ count: Int,
        seed: UInt64
    ) async throws -> [DocumentFacts] {
        var random = SeededGenerator(seed: seed)
        let other = try #require(TenantID(rawValue: "other"))
        var all: [DocumentFacts] = []
        for number in 0..<count {
            var facts = RandomFilters.facts(&random)
            facts.uri = "file:///\(number)"
            facts.pages = Int.random(in: 1...4, using: &random)
            if Bool.random(using: &random) {
                facts.modified = Double(Int.random(in: 1_767_225_600...1_793_000_000, using: &random))
            }
            let texts = (0..<Int.random(in: 1...4, using: &random)).map { "ledger \(number) of part \($0)" }
            facts.chunks = texts.count
            for tenant in [.default, other] {
                _ = try await fixture.documents.requestIngest(
                    of: [facts.uri],
                    tenant: tenant,
                    index: fixture.index,
                    label: "",
                    attributes: DocumentAttributes(
                        metadata: facts.metadata,
                        tags: facts.tags,
                        principals: facts.principals ?? ["*"]
                    )
                )
                try await fixture.ingest(facts.uri, texts, tenant: tenant)
            }
            _ = try await fixture.store.pool.execute([
                Statement(
                    """
                    UPDATE document_versions SET page_count = $2, source_modified_at = to_timestamp($3::float8)
                    FROM documents WHERE documents.live_version = document_versions.id AND documents.uri = $1
                    """,
                    [.text(facts.uri), .int4(facts.pages), .optionalFloat8(facts.modified)]
                )
            ])
            all.append(facts)
        }
        _ = try await fixture.indexes.buildHNSW(fixture.index.liveVersion)
        return all
    }

    @Test("whatever is asked for, by whomever and however, answers are those of the filter written plainly")
    func reference() async throws {
        try await DocumentsFixture.run { fixture in
            let all = try await Self.fill(fixture, 70, seed: 5)
            var random = SeededGenerator(seed: 6)
            var (some, none) = (0, 0)
            for round in 0..<150 {
                let filter = round % 10 == 9 ? nil : RandomFilters.tree(&random)
                let asking = round % 3 == 0 ? nil : RandomFilters.principals.filter { _ in Bool.random(using: &random) }
                let found = all.filter { (filter?.matches($0) ?? true) && $0.mayBeFound(by: asking) }
                let expected = Set(found.map(\.uri))
                let chunks = found.reduce(0) { $0 + $1.chunks }
                if expected.isEmpty { none += 1 } else { some += 1 }
                for way in Self.ways {
                    let searcher = Self.searcher(fixture, way)
                    for mode in SearchMode.allCases {
                        var request = SearchRequest(text: "ledger", count: 1_000, mode: mode)
                        request.filter = filter
                        request.principals = asking
                        let result = try await searcher.search(request)
                        #expect(
                            Set(result.hits.map(\.uri)) == expected,
                            "\(mode) \(way): \(String(describing: filter)) as \(String(describing: asking))"
                        )
                        // The other tenant has documents of the same names: none of its chunks may be among them.
                        #expect(Set(result.hits.map(\.chunk)).count == chunks && result.hits.count == chunks)
                    }
                }
            }
            #expect(some > 40 && none > 5, "\(some) filters with documents and \(none) without")
        }
    }

    @Test("every chunk of what matches is found, in the order of comparing all, and the trace says how")
    func complete() async throws {
        try await DocumentsFixture.run { fixture in
            let all = try await Self.fill(fixture, 40, seed: 8)
            let filter = Filter.any([.tagsAny(["final"]), .attribute(.pages, .range(.init(from: .integer(3))))])
            let matching = Set(all.filter(filter.matches).map(\.uri))
            var request = SearchRequest(text: "ledger 7 of part 1", count: 1_000, mode: .dense)
            request.method = .exact
            let expected = try await Self.searcher(fixture, Self.ways[0]).search(request).hits
                .filter { matching.contains($0.uri) }.map(\.chunk)
            request.method = .automatic
            request.filter = filter
            for way in Self.ways {
                let result = try await Self.searcher(fixture, way).search(request)
                #expect(result.hits.map(\.chunk) == expected, "\(way)")
                #expect(result.trace.matching == (way.matchingBelow > 0 ? expected.count : nil))
                #expect(result.isExact)
                #expect(result.trace.fellBack == (way.exactBelow == 0), "fewer than asked for: all are compared")
            }
        }
    }

    @Test("who may not find a document any more does not from that moment on, in any mode")
    func revoked() async throws {
        try await DocumentsFixture.run { fixture in
            func allow(_ principals: [String]) async throws {
                _ = try await fixture.documents.requestIngest(
                    of: ["file:///secret"],
                    tenant: .default,
                    index: fixture.index,
                    label: "",
                    attributes: DocumentAttributes(principals: principals)
                )
            }
            try await allow(["ann"])
            try await fixture.ingest("file:///secret", ["the ledger of the finch"])
            func sees(_ asking: [String]?) async throws -> Set<Bool> {
                var seen: Set<Bool> = []
                for way in Self.ways {
                    for mode in SearchMode.allCases {
                        var request = SearchRequest(text: "finch ledger", mode: mode)
                        request.principals = asking
                        seen.insert(try await !Self.searcher(fixture, way).search(request).hits.isEmpty)
                    }
                }
                return seen
            }
            #expect(try await sees(["ann"]) == [true])
            #expect(try await sees(["bob"]) == [false])
            #expect(try await sees([]) == [false])
            #expect(try await sees(nil) == [true])
            try await allow(["bob"])
            #expect(try await sees(["ann"]) == [false])
            #expect(try await sees(["ann", "bob"]) == [true])
            try await allow([])
            #expect(try await sees(["ann", "bob", "*"]) == [false], "nobody may, not even who calls itself everyone")
            try await allow(["*"])
            #expect(try await sees([]) == [true])
        }
    }

    @Test("with many documents what is common is found by the HNSW index, what is rare by its facet")
    func plans() async throws {
        try await DocumentsFixture.run { fixture in
            for tag in ["common", "rare"] {
                for file in 0..<(tag == "rare" ? 1 : 30) {
                    _ = try await fixture.documents.requestIngest(
                        of: ["file:///\(tag)\(file)"],
                        tenant: .default,
                        index: fixture.index,
                        label: "",
                        attributes: DocumentAttributes(tags: [tag])
                    )
                    var random = SeededGenerator(seed: UInt64(file))
                    let texts = (0..<100).map { _ in
                        (0..<5).map { _ in "w\(Int.random(in: 0..<200, using: &random))" }.joined(separator: " ")
                    }
                    try await fixture.ingest("file:///\(tag)\(file)", texts)
                }
            }
            _ = try await fixture.indexes.buildHNSW(fixture.index.liveVersion)
            let searcher = Self.searcher(fixture, (exactBelow: 1_000, matchingBelow: 500))
            var request = SearchRequest(text: "w1 w2 w3", mode: .dense)
            request.filter = .tagsAny(["common"])
            let name = IndexVersionNames.hnsw(fixture.index.liveVersion)
            let plan = try await searcher.plan(request)
            #expect(plan.contains { $0.contains("Index Scan using \(name)") }, "\(plan.joined(separator: "\n"))")
            let common = try await searcher.search(request)
            #expect(!common.isExact && common.hits.count == 10 && !common.trace.fellBack)
            #expect(common.hits.allSatisfy { $0.uri.contains("common") })
            request.filter = .tagsAny(["rare"])
            let rare = try await searcher.search(request)
            #expect(rare.isExact && rare.trace.matching == 100 && rare.hits.allSatisfy { $0.uri.contains("rare") })
        }
    }

    @Test("a filter that cannot be is refused, and a principal's name may be anything")
    func refusals() async throws {
        try await DocumentsFixture.run { fixture in
            let searcher = Self.searcher(fixture, Self.ways[0])
            var request = SearchRequest(text: "a")
            request.filter = .field("", .exists(true))
            let refused = await #expect(throws: SearchError.self) { try await searcher.search(request) }
            #expect(refused?.code == .badRequest)
            request.filter = .field("'; DROP TABLE documents; --", .among([.string("'\"\\$1")]))
            request.principals = ["' OR true --"]
            let nothing = try await searcher.search(request).hits
            #expect(nothing.isEmpty)
            let invalid = await #expect(throws: DocumentAttributes.Invalid.self) {
                try await fixture.documents.requestIngest(
                    of: ["file:///a"],
                    tenant: .default,
                    index: fixture.index,
                    label: "",
                    attributes: DocumentAttributes(tags: [""])
                )
            }
            #expect(invalid?.description.contains("tag") == true)
        }
    }

    @Test("what is said of a document changes without an ingest, part by part, and facets with it")
    func attributes() async throws {
        try await DocumentsFixture.run { fixture in
            try await fixture.ingest("file:///a", ["a ledger"])
            let document = DocumentID(rawValue: Int64(try await fixture.count("SELECT id FROM documents")))
            func set(_ attributes: DocumentAttributes, _ tenant: TenantID = .default) async throws -> Bool {
                try await fixture.store.setAttributes(attributes, of: document, tenant: tenant)
            }
            func stored() async throws -> StoredAttributes? {
                try await fixture.store.attributes(of: document, tenant: .default)
            }
            let plain = try await stored()
            #expect(plain == StoredAttributes(metadata: "{}", tags: [], principals: nil))
            #expect(try await set(DocumentAttributes(metadata: ["n": .integer(1)], tags: ["t"], principals: ["ann"])))
            let full = try await stored()
            #expect(full == StoredAttributes(metadata: #"{"n": 1}"#, tags: ["t"], principals: ["ann"]))
            #expect(try await set(DocumentAttributes(tags: ["u"])))
            let changed = try await stored()
            #expect(changed == StoredAttributes(metadata: #"{"n": 1}"#, tags: ["u"], principals: ["ann"]))
            var request = SearchRequest(text: "ledger")
            for (tag, hits) in [("t", 0), ("u", 1)] {
                request.filter = .tagsAny([tag])
                let found = try await Self.searcher(fixture, Self.ways[0]).search(request).hits.count
                #expect(found == hits)
            }
            #expect(try await set(DocumentAttributes(principals: ["x", "*"])))
            let everyone = try await stored()
            #expect(everyone?.principals == nil)
            let other = try #require(TenantID(rawValue: "other"))
            #expect(try await !set(DocumentAttributes(tags: []), other), "another tenant's is not there")
        }
    }
}
