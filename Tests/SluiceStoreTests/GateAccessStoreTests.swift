import SluiceCore
import SluiceDocuments
import SluicePostgres
import SluiceSearch
import SluiceServerKit
import SluiceStore
import Testing

@Suite("Gates on who finds what, and on words", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(3)))
struct GateAccessStoreTests {
    private func examine(_ fixture: GateFixture, _ version: IndexVersionID) async throws -> [Gate] {
        var wishes = PostgresIndexGates.Wishes()
        wishes.sample = 20
        return try await fixture.gates().examine(version, wishes).gates
    }

    private func gate(_ name: GateName, _ fixture: GateFixture, _ version: IndexVersionID) async throws -> Gate {
        let gates = try await examine(fixture, version)
        return try #require(gates.first { $0.name == name })
    }

    private func figure(_ gate: Gate, _ name: String) -> Double? {
        gate.figures.first { $0.name == name && $0.slice == nil }?.value
    }

    @Test("restricted documents are asked for by who may and who may not; where none finds its own, nothing is shown")
    func access() async throws {
        try await GateFixture.run(scale: 300) { fixture in
            let version = try await fixture.candidate()
            #expect(try await gate(.access, fixture, version).outcome == .notApplicable)
            for (number, principals) in ["{ann}", "{bob,ops}", "{}", "{*}", "{ann,*}"].enumerated() {
                try await fixture.base.ingest(
                    "file:///secret/\(number)",
                    GateFixture.texts(3, seed: UInt64(900 + number))
                )
                try await fixture.execute(
                    "UPDATE documents SET principals = '\(principals)' WHERE uri = 'file:///secret/\(number)'"
                )
            }
            try await fixture.execute(
                """
                INSERT INTO embeddings_g\(version) SELECT * FROM embeddings_g\(fixture.base.index.liveVersion)
                ON CONFLICT DO NOTHING
                """
            )
            let subject = try #require(try await fixture.store.subject(version, against: nil))
            let restricted = try await fixture.store.restricted(subject, count: 10, seed: 4)
            #expect(Set(restricted.map(\.principals)) == [["ann"], ["bob", "ops"], []])
            #expect(
                try await fixture.store.restricted(subject, count: 2, seed: 4).map(\.document)
                    == restricted.prefix(2).map(\.document)
            )
            let all = try await fixture.base.store.pool.query(
                Statement("SELECT id FROM documents") { row throws(PostgresError) in
                    DocumentID(rawValue: try row.int64(0))
                }
            )
            for (principals, visible) in [([], 0), (["ann"], 1), (["ops", "ann"], 2), (["carl"], 0), (["*"], 0)] {
                let hidden = try await fixture.store.hidden(all, from: principals)
                #expect(
                    hidden.count == 3 - visible && hidden.isSubset(of: Set(restricted.map(\.document))),
                    "\(principals)"
                )
            }
            #expect(try await fixture.store.hidden([], from: []) == [])

            let good = try await gate(.access, fixture, version)
            #expect(good.outcome == .passed && good.measured == 0, "\(good.note)")
            #expect(figure(good, "documents") == 3 && figure(good, "strangers") == 6)
            #expect(figure(good, "readers") == 2 && figure(good, "found") == 2)
            // By which documents are found for somebody: without it nobody is shown anything.
            try await fixture.execute("DELETE FROM document_facets")
            let blind = try await gate(.access, fixture, version)
            #expect(blind.outcome == .inconclusive && figure(blind, "found") == 0, "\(blind.note)")
        }
    }

    @Test(
        "documents that the version has no chunk of take no place in the sample; where it has none of any, nothing is shown"
    )
    func lost() async throws {
        try await GateFixture.run(scale: 300) { fixture in
            let version = try await fixture.candidate()
            for number in 0..<5 {
                try await fixture.base.ingest(
                    "file:///secret/\(number)",
                    GateFixture.texts(3, seed: UInt64(900 + number))
                )
            }
            try await fixture.execute("UPDATE documents SET principals = '{ann}' WHERE uri LIKE 'file:///secret/%'")
            try await fixture.execute(
                """
                INSERT INTO embeddings_g\(version) SELECT * FROM embeddings_g\(fixture.base.index.liveVersion)
                ON CONFLICT DO NOTHING
                """
            )
            func lose(_ uris: String) async throws {
                try await fixture.execute(
                    """
                    DELETE FROM embeddings_g\(version) WHERE chunk_id IN (
                        SELECT chunks.id FROM chunks JOIN documents ON documents.id = document_id WHERE uri LIKE '\(uris)'
                    )
                    """
                )
            }
            for number in 0..<4 { try await lose("file:///secret/\(number)") }
            let subject = try #require(try await fixture.store.subject(version, against: nil))
            let left = try await fixture.store.restricted(subject, count: 5, seed: 0).map(\.document)
            #expect(left.count == 1)
            for seed in 1...5 as ClosedRange<UInt64> {
                #expect(try await fixture.store.restricted(subject, count: 1, seed: seed).map(\.document) == left)
            }
            try await lose("file:///secret/%")
            #expect(try await fixture.store.hasRestricted(subject))
            let lost = try await gate(.access, fixture, version)
            #expect(lost.outcome == .inconclusive && lost.note.contains("a chunk of none"), "\(lost.note)")
            try await fixture.execute("UPDATE documents SET principals = NULL")
            #expect(try await !fixture.store.hasRestricted(subject))
            // Of one that was never read nothing can be found.
            _ = try await fixture.base.documents.requestIngest(
                of: ["file:///coming"],
                tenant: .default,
                index: fixture.base.index,
                label: "",
                attributes: DocumentAttributes(principals: ["ann"])
            )
            #expect(try await !fixture.store.hasRestricted(subject))
            #expect(try await gate(.access, fixture, version).outcome == .notApplicable)
        }
    }

    @Test("golden queries are asked by both ways too, and by words alone of a version with chunks of its own")
    func words() async throws {
        try await GateFixture.run(scale: 300) { fixture in
            var queries: [GoldenQuery] = []
            for number in 0..<40 {
                let (uri, texts) = ("file:///small/\(number)", GateFixture.texts(3, seed: UInt64(700 + number)))
                try await fixture.base.ingest(uri, texts)
                let words = texts[0].split(separator: " ").dropFirst(3).dropLast().joined(separator: " ")
                queries.append(
                    GoldenQuery(tenant: .default, text: words, slice: "", relevant: [GoldenRelevant(.uri(uri))])
                )
            }
            let digest = GoldenQuery.digest(of: queries)
            _ = try await fixture.golden.importGolden(queries, as: "g", into: .default, digest: digest)
            let version = try await fixture.candidate()
            let hybrid = try await gate(.hybridNDCG, fixture, version)
            #expect(
                hybrid.outcome == .passed && hybrid.measured == 0 && figure(hybrid, "questions") == 40,
                "\(hybrid.note)"
            )
            #expect(
                try #require(figure(hybrid, "version")) > 0.5 && figure(hybrid, "version") == figure(hybrid, "live")
            )
            #expect(try await gate(.lexicalNDCG, fixture, version).outcome == .notApplicable)
            try await fixture.execute("UPDATE index_versions SET chunker_fingerprint = 'other' WHERE id = \(version)")
            let lexical = try await gate(.lexicalNDCG, fixture, version)
            #expect(lexical.outcome == .passed && figure(lexical, "questions") == 40, "\(lexical.note)")
            // Vectors of no use leave the words: what hybrid search loses is less than dense search does, and is seen.
            try await fixture.embed(version, with: UselessEmbedder(dimension: fixture.base.model.dimension))
            let gates = try await examine(fixture, version)
            let falls = Dictionary(gates.map { ($0.name, $0) }) { first, _ in first }
            #expect(falls[.goldenNDCG]?.outcome == .failed, "\(falls[.goldenNDCG]?.note ?? "")")
            #expect(falls[.hybridNDCG]?.outcome == .failed, "\(falls[.hybridNDCG]?.note ?? "")")
            let drop = try #require(falls[.hybridNDCG]?.measured)
            #expect(drop < -0.02 && drop > (falls[.goldenNDCG]?.measured ?? 0))
        }
    }
}
