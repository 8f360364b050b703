import SluiceCore
import SluicePostgres
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@testable import SluiceSearch

@Suite("Words that chunks have", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(3)))
struct WordsTests {
    /// Words that chunks have and the table does not, and the other way round.
    private static func differences(_ fixture: DocumentsFixture) async throws -> [String] {
        try await fixture.store.pool.query(
            Statement(
                """
                WITH held AS (
                    SELECT DISTINCT chunks.tenant_id, documents.index_id, held.term, held.lexeme
                    FROM chunks JOIN documents ON documents.id = chunks.document_id
                    CROSS JOIN LATERAL sluice_words(
                        chunks.tenant_id, documents.index_id, 'english',
                        concat_ws(' ', VARIADIC chunks.heading_path || chunks.text)
                    ) AS words
                    CROSS JOIN LATERAL unnest(words.terms, words.lexemes) AS held (term, lexeme)
                    WHERE sluice_may_be_meant(held.lexeme)
                )
                SELECT concat_ws(' ', tenant_id, lexeme, word, grams::text)
                FROM held FULL JOIN (SELECT * FROM words JOIN word_grams ON word_id = id) AS words
                    USING (tenant_id, index_id, term)
                WHERE lexeme IS DISTINCT FROM word OR grams IS DISTINCT FROM sluice_grams(tenant_id, index_id, lexeme)
                """
            ) { row throws(PostgresError) in try row.text(0) }
        )
    }

    @Test("each is there once, with the chunk; those of new headings too; numbers and short ones are not")
    func written() async throws {
        try await DocumentsFixture.run { fixture in
            let other = try #require(TenantID(rawValue: "other"))
            let texts = (0..<12).map { "The ledgers of finches, 1234 il6 cat \($0 % 2 == 0 ? "zebra" : "quill")" }
            try await fixture.ingest("file:///a", texts)
            try await fixture.ingest("file:///b", ["ledger zebra", "heron"], tenant: other)
            #expect(try await Self.differences(fixture) == [])
            let count = try await fixture.count("SELECT count(*) FROM words")
            #expect(count == 5 + 4, "ledger, finch, zebra, quill, part; ledger, zebra, heron, part")
            try await fixture.ingest("file:///c", texts.map { $0 + " again" })
            #expect(try await fixture.count("SELECT count(*) FROM words") == count)
            _ = try await fixture.store.pool.execute(
                Statement("UPDATE chunks SET heading_path = '{Anthropology,\"Part one\"}' WHERE ordinal = 0")
            )
            #expect(try await Self.differences(fixture) == [])
            #expect(try await fixture.count("SELECT count(*) FROM words WHERE word = 'anthropolog'") == 2)
            let seen = try await fixture.store.pool.transaction(settings: [("sluice.tenant", "other")]) {
                try await $0.query(
                    Statement<String>("SELECT word FROM words ORDER BY word COLLATE \"C\"") {
                        row throws(PostgresError) in
                        try row.text(0)
                    }
                )
            }
            #expect(seen.contains("heron") && !seen.contains("quill"))
        }
    }

    @Test("likeness is that of groups of three letters, and nothing that is like enough is missed", arguments: 1...4)
    func alike(seed: UInt64) async throws {
        try await DocumentsFixture.run { fixture in
            var random = SeededGenerator(seed: seed)
            let letters = Array("abcdk")
            func word() -> String {
                String(
                    (0..<Int.random(in: 4...9, using: &random)).map { _ in letters.randomElement(using: &random) ?? "a"
                    }
                )
            }
            let texts = (0..<20).map { _ in (0..<20).map { _ in word() }.joined(separator: " ") }
            try await fixture.ingest("file:///a", texts)
            let words = try await fixture.store.pool.query(
                Statement<String>("SELECT word FROM words") { row throws(PostgresError) in try row.text(0) }
            )
            for likeness in [0.3, 0.45, 0.7, 1] {
                for _ in 0..<10 {
                    let given = word()
                    let stem = try await fixture.store.pool.query(
                        Statement<[String]>(
                            "SELECT lexemes FROM sluice_words('default', 1, 'english', $1)",
                            [.text(given)]
                        ) { row throws(PostgresError) in try row.textArray(0) }
                    ).first?.first
                    let expected = words.filter { Spelling.similarity($0, stem ?? "") >= likeness }.sorted()
                    let found = try await fixture.store.pool.query(
                        Statement<(String, Double)>(
                            "SELECT word, likeness FROM sluice_words_like('default', 1, 'english', $1, $2, 1000)",
                            [.text(given), .float8(likeness)]
                        ) { row throws(PostgresError) in (try row.text(0), try row.float8(1)) }
                    )
                    #expect(found.map(\.0).sorted() == expected, "\(given) at \(likeness)")
                    for (word, same) in found { #expect(abs(Spelling.similarity(word, stem ?? "") - same) < 1e-12) }
                }
            }
        }
    }

    @Test("those that no chunk has any more go by upkeep, whatever comes and goes meanwhile", arguments: 1...3)
    func unused(seed: UInt64) async throws {
        try await DocumentsFixture.run { fixture in
            try await fixture.ingest("file:///a", ["ledger"])
            let upkeep = PostgresUpkeepStore(fixture.store)
            @Sendable func sweep() async throws -> Int {
                var (removed, position) = (0, Optional(Int64(0)))
                while let from = position {
                    let step = try await upkeep.removeUnusedWords(from: from)
                    removed += step.removed
                    position = step.next
                }
                return removed
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<4 {
                    group.addTask {
                        var random = SeededGenerator(seed: seed * 100 + UInt64(writer))
                        for round in 0..<25 {
                            let text = (0..<6).map { _ in
                                String(
                                    repeating: Character(["q", "x", "z"][Int.random(in: 0..<3, using: &random)]),
                                    count: 3
                                )
                                    + "abcdefgh".prefix(Int.random(in: 1...8, using: &random))
                            }.joined(separator: " ")
                            let gone = Int.random(in: 0..<3, using: &random) == 0
                            try await fixture.store.pool.transaction { transaction in
                                try await transaction.execute(Self.insert(1_000 * (writer + 1) + round, text))
                                if gone {
                                    try await transaction.execute(
                                        Statement("DELETE FROM chunks WHERE ordinal / 1000 = $1", [.int4(writer + 1)])
                                    )
                                }
                            }
                        }
                    }
                }
                group.addTask { for _ in 0..<15 { _ = try await sweep() } }
                try await group.waitForAll()
            }
            _ = try await sweep()
            #expect(try await Self.differences(fixture) == [])
            #expect(
                try await fixture.count("SELECT count(*) - count(DISTINCT (tenant_id, index_id, term)) FROM words") == 0
            )
            _ = try await fixture.store.pool.execute(Statement("DELETE FROM chunks"))
            #expect(try await sweep() > 0)
            #expect(try await fixture.count("SELECT count(*) FROM words") == 0)
            #expect(try await fixture.count("SELECT count(*) FROM word_grams") == 0)
        }
    }

    @Test("whoever writes chunks for long is let be, and keeps nobody else waiting for the removal")
    func unhurried() async throws {
        try await DocumentsFixture.run { fixture in
            try await fixture.ingest("file:///a", ["ledger"])
            try await fixture.store.pool.execute(Self.insert(1, "quagmire"))
            try await fixture.store.pool.execute(Statement("DELETE FROM chunks WHERE ordinal = 1"))
            let upkeep = PostgresUpkeepStore(fixture.store)
            let words = try await fixture.count("SELECT count(*) FROM words")
            try await fixture.store.pool.transaction { transaction in
                try await transaction.execute(Self.insert(2, "heron"))
                async let step = upkeep.removeUnusedWords(from: 0)
                let quick = [(name: "lock_timeout", value: "2000")]
                for round in 0..<30 {
                    _ = try await fixture.store.pool.transaction(settings: quick) {
                        try await $0.execute(Self.insert(10 + round, "ledger"))
                    }
                }
                #expect(try await step.removed == 0)
            }
            #expect(try await fixture.count("SELECT count(*) FROM words") == words + 1)
            #expect(try await upkeep.removeUnusedWords(from: 0).removed == 1)
            #expect(try await Self.differences(fixture) == [])
        }
    }

    private static func insert(_ ordinal: Int, _ text: String) -> Statement<Void> {
        Statement(
            """
            INSERT INTO chunks (tenant_id, document_id, ordinal, char_from, char_to, content_hash, text)
            SELECT tenant_id, id, $1, 0, 10, $2, $3 FROM documents LIMIT 1
            """,
            [.int4(ordinal), .bytes(Array("\(ordinal) \(text)".utf8)), .text(text)]
        )
    }
}
