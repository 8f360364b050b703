internal import SluiceDocuments
internal import SluicePostgres

/// Answers of golden queries: they stay when their tenant's documents come and go, so they are no rows of a document.
extension ErasureTarget {
    /// Those that name the document: by its URI, or by the last part of it, with or without its ending. One that is as well the name
    /// of another document of the tenant and the set's index stays: it is that one's, too.
    static func golden(_ values: [PGValue]) -> ErasureTarget {
        ErasureTarget(
            table: "golden_relevant",
            action: .deleteGolden,
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

    /// What follows a removal of golden rows, which stands before it as `gone`.
    func toldOfGolden() -> String {
        let sets =
            table == "golden_queries"
            ? "SELECT set_id FROM gone"
            : "SELECT set_id FROM golden_queries JOIN gone ON golden_queries.id = gone.query_id"
        return """
            changed AS (UPDATE golden_sets SET digest = '' WHERE id IN (\(sets)) RETURNING index_id), told AS (
                UPDATE indexes SET golden_revision = golden_revision + 1 WHERE id IN (SELECT index_id FROM changed)
            )
            """
    }

    /// Held before that, in the order of imports: index, then set.
    static func holdGolden() -> Statement<Void> {
        Statement(
            "SELECT FROM indexes WHERE id IN (SELECT index_id FROM golden_sets) ORDER BY id FOR NO KEY UPDATE"
        )
    }
}
