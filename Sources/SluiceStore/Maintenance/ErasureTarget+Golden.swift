internal import SluiceDocuments
internal import SluicePostgres

/// Answers of golden queries: they stay when their tenant's documents come and go, so they are no rows of a document.
extension ErasureTarget {
    /// Those that name the document: by its URI, or by the last part of it, with or without its ending. One that is as well the name
    /// of another document of the tenant and the set's index stays: it is that one's, too.
    static func golden(_ values: [PGValue]) -> ErasureTarget {
        ErasureTarget(
            table: "golden_relevant",
            action: .deleteAnswers,
            way: .byIndex,
            from: """
                golden_relevant JOIN golden_queries AS query ON query.id = golden_relevant.query_id
                JOIN golden_sets AS owner ON owner.id = query.set_id
                """,
            condition: """
                golden_relevant.tenant_id = $1
                AND (golden_relevant.uri = $4 OR golden_relevant.document IN (\(last("$4")), \(stem("$4"))))
                AND NOT EXISTS (
                    SELECT FROM documents AS other WHERE other.tenant_id = $1 AND other.index_id = owner.index_id
                        AND other.uri = golden_relevant.uri AND other.id <> $2
                ) AND (golden_relevant.document IS NULL OR NOT EXISTS (
                    SELECT FROM documents AS other
                    WHERE other.tenant_id = $1 AND other.index_id = owner.index_id AND other.id <> $2
                        AND golden_relevant.document IN (\(last("other.uri")), \(stem("other.uri")))
                ))
                """,
            values: values
        )
    }

    /// As `GoldenRelevant.matches` takes URIs apart.
    private static func last(_ uri: String) -> String { "substring(\(uri) FROM '[^/]+(?=/*$)')" }
    private static func stem(_ uri: String) -> String { "regexp_replace(\(last(uri)), '\\.[^.]*$', '')" }

    static let unanswered = """
        golden_queries.tenant_id = $1
            AND NOT EXISTS (SELECT FROM golden_relevant WHERE golden_relevant.query_id = golden_queries.id)
        """

    /// Held before answers go, in the order of imports: the index, then the set.
    static func holdGolden() -> Statement<Void> {
        Statement(
            "SELECT FROM indexes WHERE id IN (SELECT index_id FROM golden_sets) ORDER BY id FOR NO KEY UPDATE"
        )
    }
}
