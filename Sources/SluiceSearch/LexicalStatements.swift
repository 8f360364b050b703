internal import SluiceCore
internal import SluicePostgres

/// Search by words, on `chunk_terms` and its GIN index.
///
/// Words are hashes that only this tenant's chunks of this index have, so no statement here meets another tenant's rows; what
/// comes back is joined with the version's vectors all the same, and so under row-level security.
enum LexicalStatements {
    /// Chunks are counted no further than this; tenants with more have counted statistics.
    static let countedNoFurther = 20_000
    /// Words of a question that count; a question with more loses some.
    static let wordsAtMost = 64

    /// The distinct words of a text that are no stop words, each with how many chunks hold it.
    static func asked(_ text: String, _ pointer: Pointer, _ tenant: TenantID) -> Statement<AskedTerm> {
        Statement(
            """
            SELECT asked.term, coalesce(frequencies.chunks, (
                SELECT count(*) FROM (
                    SELECT FROM chunk_terms WHERE terms @> ARRAY[asked.term] LIMIT \(countedNoFurther)
                ) AS counted
            ))
            FROM unnest((sluice_terms($1, $2, $3::regconfig, $4)).terms[1:\(wordsAtMost)]) AS asked (term)
            LEFT JOIN term_frequencies AS frequencies
                ON frequencies.tenant_id = $1 AND frequencies.index_id = $2 AND frequencies.term = asked.term
            """,
            [.text(tenant.rawValue), .int8(pointer.index.rawValue), .text(pointer.language), .text(text)]
        ) { row throws(PostgresError) in AskedTerm(term: try row.int64(0), frequency: Int(try row.int64(1))) }
    }

    /// How many chunks the tenant has, and their mean length in words. Small tenants' are counted, from a thousand for the mean.
    static func size(_ pointer: Pointer, _ tenant: TenantID) -> Statement<(chunks: Int, meanLength: Double)> {
        let table = SearchStatements.table(pointer.version)
        return Statement(
            """
            SELECT chunks, mean_length FROM term_statistics WHERE tenant_id = $1 AND index_id = $2
            UNION ALL
            SELECT
                (SELECT count(*) FROM (SELECT FROM \(table) WHERE tenant_id = $1 LIMIT \(countedNoFurther)) AS counted),
                (SELECT coalesce(avg(length), 0)::float8 FROM chunk_terms WHERE chunk_id IN (
                    SELECT chunk_id FROM \(table) WHERE tenant_id = $1 LIMIT 1000
                ))
            LIMIT 1
            """,
            [.text(tenant.rawValue), .int8(pointer.index.rawValue)]
        ) { row throws(PostgresError) in (Int(try row.int64(0)), try row.float8(1)) }
    }

    /// The best chunks by BM25, best first; ties by chunk.
    ///
    /// Candidates, at most `limit`, come from the GIN index; each is scored from its own words.
    static func best(
        _ plan: TermPlan,
        _ pointer: Pointer,
        meanLength: Double,
        _ ranking: BM25,
        tenant: TenantID,
        count: Int,
        limit: Int
    ) -> Statement<Found> {
        Statement(
            """
            WITH candidates AS MATERIALIZED (
                SELECT chunk_id, length, terms, counts FROM chunk_terms WHERE terms && $1::int8[] LIMIT $2
            ), scored AS (
                SELECT chunk_id, sum(
                    asked.weight * n * ($5 + 1) / (n + $5 * (1 - $6 + $6 * coalesce(length / nullif($7::float8, 0), 1)))
                ) AS score
                FROM candidates CROSS JOIN unnest($3::int8[], $4::float8[]) AS asked (term, weight)
                CROSS JOIN LATERAL (SELECT counts[array_position(terms, asked.term)]::float8 AS n) AS held
                WHERE n IS NOT NULL GROUP BY chunk_id
            )
            SELECT scored.chunk_id, scored.score FROM scored
            JOIN \(SearchStatements.table(pointer.version)) AS live ON live.chunk_id = scored.chunk_id
            WHERE live.tenant_id = $8 ORDER BY scored.score DESC, scored.chunk_id LIMIT $9
            """,
            [
                .int8Array(plan.selecting), .int8(Int64(limit)), .int8Array(plan.scoring), .float8Array(plan.weights),
                .float8(ranking.k1), .float8(ranking.b), .float8(meanLength), .text(tenant.rawValue),
                .int8(Int64(count)),
            ]
        ) { row throws(PostgresError) in
            Found(chunk: ChunkID(rawValue: try row.int64(0)), score: try row.float8(1))
        }
    }
}
