internal import SluiceCore
internal import SluicePostgres

extension LexicalStatements {
    /// Of one word no more chunks are looked at than these; a word is not asked for when none of them is in the scope.
    static let lookedAtMost = 1_000

    /// Those of the words that a chunk of the scope has. Who may not see a document must not learn from a guess that it has a word.
    static func visible(_ terms: [Int64], in scope: Scope) -> Statement<Int64> {
        var binder = Binder()
        let given = binder.bind(.int8Array(terms))
        let among =
            switch scope {
            case .all: "true"
            case .these(let chunks): "chunk_id = ANY (\(binder.bind(.int8Array(chunks.map(\.rawValue))))::int8[])"
            case .matching(let narrowing): narrowing.condition(ofChunk: "holding.chunk_id", &binder)
            }
        return Statement(
            """
            SELECT given.term FROM unnest(\(given)::int8[]) AS given (term)
            WHERE EXISTS (
                SELECT FROM (
                    SELECT chunk_id FROM chunk_terms WHERE terms @> ARRAY[given.term] LIMIT \(lookedAtMost)
                ) AS holding
                WHERE \(among)
            )
            """,
            binder.values
        ) { row throws(PostgresError) in try row.int64(0) }
    }
}
