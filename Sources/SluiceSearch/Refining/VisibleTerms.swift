internal import SluiceCore
internal import SluicePostgres

/// Which words chunks of a scope have. Who may not see a document must not learn from a guess that it has a word.
extension LexicalStatements {
    /// Those of the words that one of these chunks has, each once: exact.
    static func held(_ terms: [Int64], by chunks: [ChunkID]) -> Statement<Int64> {
        Statement(
            """
            SELECT DISTINCT held.term FROM chunk_terms CROSS JOIN LATERAL unnest(terms) AS held (term)
            WHERE chunk_id = ANY ($2::int8[]) AND terms && $1::int8[] AND held.term = ANY ($1::int8[])
            """,
            [.int8Array(terms), .int8Array(chunks.map(\.rawValue))]
        ) { row throws(PostgresError) in try row.int64(0) }
    }

    /// Those of the words that a matching chunk has, as far as looking at `most` chunks of each word tells. One that only chunks behind
    /// these have counts as not there: on the safe side, since nothing is told of it then.
    static func held(_ terms: [Int64], among narrowing: Narrowing, most: Int) -> Statement<Int64> {
        var binder = Binder()
        let (given, limit) = (binder.bind(.int8Array(terms)), binder.bind(.int8(Int64(most))))
        return Statement(
            """
            SELECT given.term FROM unnest(\(given)::int8[]) AS given (term)
            WHERE EXISTS (
                SELECT FROM (
                    SELECT chunk_id FROM chunk_terms WHERE terms @> ARRAY[given.term] LIMIT \(limit)
                ) AS holding
                WHERE \(narrowing.condition(ofChunk: "holding.chunk_id", &binder))
            )
            """,
            binder.values
        ) { row throws(PostgresError) in try row.int64(0) }
    }
}
