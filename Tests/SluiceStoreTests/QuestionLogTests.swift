import SluiceCore
import SluiceDocuments
import SluicePostgres
import SluiceSearch
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("Questions of readers", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(3)))
struct QuestionLogTests {
    private func ask(
        _ fixture: DocumentsFixture,
        _ log: QuestionLog,
        _ texts: [String],
        tenant: TenantID = .default,
        mode: SearchMode = .hybrid,
        _ change: (inout SearchRequest) -> Void = { _ in }
    ) async throws {
        let searcher = Searcher(pool: fixture.store.pool, embedders: [fixture.embedder], questions: log)
        for text in texts {
            var request = SearchRequest(text: text, tenant: tenant, mode: mode)
            change(&request)
            _ = try await searcher.search(request)
        }
    }

    private func kept(_ fixture: DocumentsFixture) async throws -> [String: Int] {
        let questions = try await PostgresQuestionStore(fixture.store).questions(
            of: .default,
            tenant: nil,
            limit: 1_000
        )
        return Dictionary(questions.map { ("\($0.tenant) \($0.mode) \($0.text)", $0.asked) }) { first, _ in first }
    }

    @Test("nothing is kept unless the index wants it; then no more than a day takes, of tenants that there are")
    func keeps() async throws {
        try await DocumentsFixture.run { fixture in
            let store = PostgresQuestionStore(fixture.store)
            let acme = TenantID(trusted: "acme")
            try await fixture.ingest("file:///a.txt", ["one two three"])
            try await fixture.ingest("file:///b.txt", ["one two three"], tenant: acme)
            let before = QuestionLog(pool: fixture.store.pool)
            try await ask(fixture, before, ["one", "two"])
            await before.flush()
            #expect(try await kept(fixture) == [:])
            #expect(try await store.questionLog(of: .default) == nil)
            #expect(try await store.setQuestionLog(QuestionLogPolicy(), of: IndexName(trusted: "nowhere")) == false)

            let policy = QuestionLogPolicy(percent: 100, perDay: 3, days: 7)
            #expect(try await store.setQuestionLog(policy, of: .default))
            #expect(try await store.questionLog(of: .default) == policy)
            let log = QuestionLog(pool: fixture.store.pool)
            try await ask(fixture, log, ["one", "two", "one"])
            try await ask(fixture, log, ["one"], mode: .bm25)
            try await ask(fixture, log, ["one", "' OR true --"], tenant: acme, mode: .dense)
            try await ask(fixture, log, ["nobody's"], tenant: TenantID(trusted: "unknown"))
            try await ask(fixture, log, ["to a version"]) { $0.version = 1 }
            try await ask(fixture, log, ["as a vector"], mode: .dense) { $0.vector = Array(repeating: 0.1, count: 32) }
            try await ask(fixture, log, [String(repeating: "long ", count: 500)], mode: .bm25)
            await log.flush()
            let first = [
                "default hybrid one": 3, "default hybrid two": 1, "acme dense one": 1, "acme dense ' OR true --": 1,
            ]
            #expect(try await kept(fixture) == first)
            // The day takes one more; what is known is counted still.
            try await ask(fixture, log, ["two", "three", "four", "five"])
            await log.flush()
            let second = try await kept(fixture)
            #expect(second == first.merging(["default hybrid two": 2, "default hybrid three": 1]) { $1 })
            #expect(try await store.questions(of: .default, tenant: acme, limit: 1).map(\.text) == ["' OR true --"])

            #expect(try await store.setQuestionLog(nil, of: .default))
            #expect(try await kept(fixture) == [:], "what was kept is forgotten")
            try await ask(fixture, log, ["six"])
            await log.flush()
            #expect(try await kept(fixture) == [:])
        }
    }

    @Test("it is written without being asked to; a log that cannot be written costs no search anything")
    func beside() async throws {
        try await DocumentsFixture.run { fixture in
            try await fixture.ingest("file:///a.txt", ["one two three"])
            try await fixture.ingest("file:///b.txt", ["one two three"], tenant: TenantID(trusted: "acme"))
            let store = PostgresQuestionStore(fixture.store)
            #expect(try await store.setQuestionLog(QuestionLogPolicy(percent: 100), of: .default))
            let log = QuestionLog(pool: fixture.store.pool)
            try await ask(fixture, log, ["one"])
            try await eventually("the log wrote by itself") { try await kept(fixture) == ["default hybrid one": 1] }
            try await ask(fixture, log, ["two"])
            try await eventually("and again") { try await kept(fixture).count == 2 }
            // A sample: of four hundred a half, give or take.
            #expect(try await store.setQuestionLog(QuestionLogPolicy(percent: 50, perDay: 1_000), of: .default))
            let sampling = QuestionLog(pool: fixture.store.pool)
            for part in 0..<4 {
                try await ask(fixture, sampling, (0..<100).map { "q\(part) \($0)" }, mode: .bm25)
                await sampling.flush()
            }
            #expect((120...280).contains(try await kept(fixture).count))

            _ = try await fixture.store.erase(
                .tenant(TenantID(trusted: "acme")),
                name: ErasureName(tenant: TenantID(trusted: "acme")),
                who: "test"
            )
            try await ask(fixture, log, ["three"], tenant: TenantID(trusted: "acme"))
            await log.flush()
            #expect(try await kept(fixture).keys.allSatisfy { $0.hasPrefix("default ") })
            try await fixture.store.pool.withConnection { try await $0.script("DROP TABLE questions") }
            try await ask(fixture, log, ["four"])
            await log.flush()
            try await ask(fixture, log, ["five"])
        }
    }

    @Test("enough of them are half of what gates ask, and the evidence says so")
    func gates() async throws {
        try await GateFixture.run(scale: 300) { fixture in
            let version = try await fixture.candidate()
            let policy = QuestionLogPolicy(percent: 100, perDay: 1_000)
            #expect(try await PostgresQuestionStore(fixture.base.store).setQuestionLog(policy, of: .default))
            try await fixture.execute(
                """
                INSERT INTO questions (index_id, tenant_id, day, query, mode)
                SELECT index_id, tenant, current_date - n % 3, 't' || (n % 40) || ' w' || n, 'hybrid'
                FROM question_logs, generate_series(1, 40) AS n, unnest(ARRAY['default', 'acme']) AS tenant
                """
            )
            let examined = try await fixture.gates().examine(version)
            let recall = try #require(examined.gates.first { $0.name == .recall })
            #expect(
                recall.outcome == .passed && recall.note.contains("200 questions (80 of readers)"),
                "\(recall.note)"
            )
            let overlap = try #require(examined.gates.first { $0.name == .overlap })
            #expect(overlap.outcome == .passed && overlap.note.contains("(80 of readers)"), "\(overlap.note)")
            // More may be wanted than a run asks.
            try await fixture.set(["logged_questions": 80])
            var few = PostgresIndexGates.Wishes()
            few.sample = 20
            let sampled = try await fixture.gates().examine(version, few).gates.first { $0.name == .recall }
            #expect(sampled?.note.contains("(10 of readers)") == true, "\(sampled?.note ?? "")")
            try await fixture.set(["logged_questions": 81])
            let without = try await fixture.gates().examine(version)
            #expect(without.gates.allSatisfy { !$0.note.contains("of readers") })
            // As they are asked of the graph, and by how many.
            let indexed = GateFixture(base: fixture.base, exactBelow: 10)
            try await fixture.set(["logged_questions": 30])
            let asked = try #require(try await indexed.gates().examine(version).gates.first { $0.name == .recall })
            #expect(asked.figures.contains { $0.name == "logged_questions" && $0.value > 40 }, "\(asked.figures)")
            #expect(asked.figures.contains { $0.name == "logged_recall" && $0.value > 0.5 })
        }
    }

    @Test("a question becomes a golden query with its answer, and gets a second one")
    func promote() async throws {
        try await GateFixture.run(scale: 30) { fixture in
            let query = GoldenQuery(
                tenant: .default,
                text: "who",
                slice: "",
                relevant: [GoldenRelevant(.name("a.txt"), grade: 2)]
            )
            let other = GoldenQuery(
                tenant: .default,
                text: "who",
                slice: "s",
                relevant: [GoldenRelevant(.name("b.txt"), page: 2), GoldenRelevant(.name("a.txt"), grade: 3)]
            )
            #expect(try await fixture.golden.addGolden(query, to: "set", of: .default) == 1)
            #expect(try await fixture.golden.addGolden(query, to: "set", of: IndexName(trusted: "nowhere")) == nil)
            #expect(try await fixture.golden.addGolden(other, to: "set", of: .default) == 1)
            let acme = GoldenQuery(tenant: GateFixture.acme, text: "who", slice: "", relevant: query.relevant)
            #expect(try await fixture.golden.addGolden(acme, to: "set", of: .default) == 2)
            let stored = try await fixture.golden.golden(of: fixture.base.index.id, set: "set")
            #expect(stored == [other, acme])
            // What the set holds is known by what it holds, however it came there.
            let again = try await fixture.golden.importGolden(
                stored,
                as: "set",
                into: .default,
                digest: GoldenQuery.digest(of: stored)
            )
            #expect(again == false)
        }
    }
}
