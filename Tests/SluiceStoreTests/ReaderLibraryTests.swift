import Logging
import Sluice
import SluiceCore
import SluiceDocuments
import SluiceInference
import SluicePostgres
import SluiceReading
import SluiceServerKit
import SluiceStore
import SluiceSystem
import SluiceTestKit
import Testing

/// The product `SluiceReading`, by what it has for other packages alone.
@Suite("Searching from inside an application", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(2)))
struct ReaderLibraryTests {
    private func settings(_ fixture: DocumentsFixture) throws -> SluiceSettings {
        var settings = SluiceSettings(databaseURL: try TestServers.requireDatabaseURL())
        settings.schema = fixture.store.schema
        return settings
    }

    private func model(_ fixture: DocumentsFixture) -> QuestionModel {
        let embedder = fixture.embedder
        return QuestionModel(fingerprint: embedder.model.fingerprint, dimension: embedder.model.dimension) {
            Array(try await embedder.embed([$0])[0])
        }
    }

    private func kept(_ fixture: DocumentsFixture) async throws -> [String] {
        try await PostgresQuestionStore(fixture.store).questions(of: .default, tenant: nil, limit: 100)
            .map { "\($0.tenant) \($0.mode) \($0.text) \($0.asked)" }.sorted()
    }

    private func ask(_ reader: SluiceReader, _ text: String, _ mode: SluiceQuestion.Mode) async throws -> SluiceAnswer {
        var question = SluiceQuestion(text, principals: nil)
        question.mode = mode
        return try await reader.search(question)
    }

    @Test("answers with citations, by words and by the application's model; narrowed by filter and principals")
    func answers() async throws {
        try await DocumentsFixture.run { fixture in
            try await fixture.ingest("file:///a.txt", ["the ledger of the harbour", "ships and their cargo"])
            try await fixture.ingest("file:///b.txt", ["the ledger of the mill"])
            try await fixture.store.pool.withConnection { connection in
                try await connection.script(
                    """
                    UPDATE documents SET tags = '{final}', metadata = '{"year": 2026}', principals = '{ann}' WHERE uri = 'file:///b.txt'
                    """
                )
            }
            let reader = try SluiceReader(try settings(fixture), models: [model(fixture)])
            for mode in SluiceQuestion.Mode.allCases {
                let answer = try await ask(reader, "ledger of the harbour", mode)
                #expect(answer.version == 1 && answer.hits.first?.uri == "file:///a.txt", "\(mode)")
                #expect(answer.hits.map(\.rank) == Array(1...answer.hits.count))
                #expect(answer.hits.first?.text == "the ledger of the harbour")
                #expect(answer.hits.first?.characters.isEmpty == false)
            }
            var question = SluiceQuestion("ledger", principals: ["bob"])
            #expect(try await reader.search(question).hits.allSatisfy { $0.uri == "file:///a.txt" })
            question.principals = ["bob", "ann"]
            question.filter = .all([
                .tagged("final"), .field("year", is: 2026), .not(.field("year", from: 2027, to: nil)),
            ])
            #expect(try await reader.search(question).hits.map(\.uri) == ["file:///b.txt"])
            question.filter = .any([.tagged(anyOf: ["draft"]), .field("year", is: "2026", true, 1.5)])
            #expect(try await reader.search(question).hits.isEmpty)
            question.tenant = "No Name"
            await #expect(throws: SluiceError.self) { try await reader.search(question) }
            await reader.close()

            let strange = QuestionModel(fingerprint: "another", dimension: 32) { _ in Array(repeating: 0.1, count: 32) }
            let other = try SluiceReader(try settings(fixture), models: [strange])
            await #expect(throws: SluiceError.self) { try await ask(other, "ledger", .dense) }
            #expect(try await !ask(other, "ledger", .bm25).hits.isEmpty)
            await other.close()
            struct Down: Error {}
            let failing = QuestionModel(fingerprint: fixture.embedder.model.fingerprint, dimension: 32) { _ in
                throw Down()
            }
            let broken = try SluiceReader(try settings(fixture), models: [failing])
            await #expect(throws: SluiceError.self) { try await ask(broken, "ledger", .dense) }
            await broken.close()
        }
    }

    @Test("questions are kept only where operator and application both want it, and a search never fails for it")
    func questions() async throws {
        try await DocumentsFixture.run { fixture in
            try await fixture.ingest("file:///a.txt", ["the ledger of the harbour"])
            let store = PostgresQuestionStore(fixture.store)
            func search(_ text: String, keeping: Bool?) async throws {
                let settings = try settings(fixture)
                let reader =
                    if let keeping { try SluiceReader(settings, keepsQuestions: keeping) } else {
                        try SluiceReader(settings)
                    }
                #expect(try await ask(reader, text, .bm25).hits.count == 1)
                await reader.close()
            }
            try await search("ledger one", keeping: true)
            #expect(try await kept(fixture) == [], "no operator wants it")
            #expect(try await store.setQuestionLog(QuestionLogPolicy(percent: 100, perDay: 10, days: 7), of: .default))
            try await search("ledger two", keeping: nil)
            try await search("ledger three", keeping: false)
            #expect(try await kept(fixture) == [], "the application does not")
            try await search("ledger four", keeping: true)
            #expect(try await kept(fixture) == ["default bm25 ledger four 1"])

            // By itself, beside the searches of a process that goes on.
            let reader = try SluiceReader(try settings(fixture), keepsQuestions: true)
            _ = try await ask(reader, "ledger five", .bm25)
            try await eventually("it is written") { try await kept(fixture).count == 2 }
            // Locked, and then gone.
            try await fixture.store.pool.withConnection { connection in
                try await connection.script("BEGIN; LOCK TABLE questions IN ACCESS EXCLUSIVE MODE")
                for round in 0..<20 { #expect(try await ask(reader, "ledger \(round)", .bm25).hits.count == 1) }
                try await connection.script("ROLLBACK")
            }
            try await fixture.store.pool.withConnection { try await $0.script("DROP TABLE questions") }
            #expect(try await ask(reader, "ledger last", .bm25).hits.count == 1)
            await reader.close()
        }
    }

    @Test(
        "a role with the rights that the README names searches, and keeps questions; without the latter it searches all the same",
        .enabled(if: Environment.value("SLUICE_SUPERUSER_URL") != nil)
    )
    func role() async throws {
        try await DocumentsFixture.run { fixture in
            try await fixture.ingest("file:///a.txt", ["the ledger of the harbour"])
            let store = PostgresQuestionStore(fixture.store)
            #expect(try await store.setQuestionLog(QuestionLogPolicy(percent: 100, perDay: 10, days: 7), of: .default))
            let role = "reader_" + fixture.store.schema
            let superuser = PostgresPool(
                PostgresConfiguration(
                    url: try #require(Environment.value("SLUICE_SUPERUSER_URL")),
                    applicationName: "sluice-test",
                    poolSize: 1
                )
            )
            defer { superuser.close() }
            func script(_ sql: String) async throws { try await superuser.withConnection { try await $0.script(sql) } }
            let schema = quotedIdentifier(fixture.store.schema)
            try await script(
                """
                CREATE ROLE \(role) LOGIN PASSWORD 'reader';
                GRANT USAGE ON SCHEMA \(schema) TO \(role);
                GRANT SELECT ON ALL TABLES IN SCHEMA \(schema) TO \(role);
                """
            )
            let result: Result<Void, any Error>
            do {
                var settings = try settings(fixture)
                let server = try #require(settings.databaseURL.split(separator: "@").last)
                settings.databaseURL = "postgresql://\(role):reader@\(server)"
                for isWriter in [false, true] {
                    if isWriter { try await script("GRANT INSERT, UPDATE ON \(schema).questions TO \(role)") }
                    let reader = try SluiceReader(settings, models: [model(fixture)], keepsQuestions: true)
                    #expect(try await ask(reader, "ledger", .hybrid).hits.count == 1)
                    await reader.close()
                    #expect(try await kept(fixture).count == (isWriter ? 1 : 0))
                }
                result = .success(())
            } catch {
                result = .failure(error)
            }
            try await script("DROP OWNED BY \(role); DROP ROLE \(role)")
            try result.get()
        }
    }
}
