internal import SluiceCore
internal import SluicePostgres

/// Words of a question that no chunk has, and words of chunks that may have been meant by them.
enum WordStatements {
    /// Of one word, the most alike; what they are chosen from.
    private static let alikeAtMost: Int64 = 30

    private static func values(_ words: [String], _ pointer: Pointer, _ tenant: TenantID) -> [PGValue] {
        [.text(tenant.rawValue), .int8(pointer.wordSpace), .text(pointer.language), .textArray(words)]
    }

    struct Term: Sendable, Equatable {
        let word: String
        let term: Int64
    }

    /// The words' terms; stop words have none.
    static func terms(_ words: [String], _ pointer: Pointer, _ tenant: TenantID) -> Statement<Term> {
        Statement(
            "SELECT word, term FROM sluice_terms_of($1, $2, $3::regconfig, $4::text[])",
            values(words, pointer, tenant)
        ) { row throws(PostgresError) in Term(word: try row.text(0), term: try row.int64(1)) }
    }

    /// Those of the words that chunks have, with how many have them.
    static func known(_ words: [String], _ pointer: Pointer, _ tenant: TenantID) -> Statement<Spelling.Known> {
        Statement(
            """
            SELECT asked.word, asked.term, (
                SELECT count(*) FROM (SELECT FROM chunk_terms WHERE terms @> ARRAY[asked.term] LIMIT 1000) AS counted
            )
            FROM sluice_terms_of($1, $2, $3::regconfig, $4::text[]) AS asked
            WHERE EXISTS (SELECT FROM chunk_terms WHERE terms @> ARRAY[asked.term])
            """,
            values(words, pointer, tenant)
        ) { row throws(PostgresError) in
            Spelling.Known(word: try row.text(0), term: try row.int64(1), frequency: Int(try row.int64(2)))
        }
    }

    /// The words of chunks that are like these, both as stems.
    ///
    /// - Parameter likeness: the least.
    static func alike(
        _ words: [String],
        likeness: Double,
        _ pointer: Pointer,
        _ tenant: TenantID
    ) -> Statement<Respelling.Alike> {
        Statement(
            """
            SELECT given.word, near.word, near.term, near.likeness, near.chunks
            FROM unnest($4::text[]) WITH ORDINALITY AS given (word, place)
            CROSS JOIN LATERAL sluice_words_like($1, $2, $3::regconfig, given.word, $5, $6::integer) AS near
            ORDER BY given.place, near.likeness DESC, near.word
            """,
            values(words, pointer, tenant) + [.float8(likeness), .int8(alikeAtMost)]
        ) { row throws(PostgresError) in
            Respelling.Alike(
                word: try row.text(0),
                instead: try row.text(1),
                term: try row.int64(2),
                likeness: try row.float8(3),
                frequency: Int(try row.int64(4))
            )
        }
    }
}
