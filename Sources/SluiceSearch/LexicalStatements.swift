internal import SluiceCore
internal import SluicePostgres

/// Search by words, on `chunk_terms` and its GIN index.
///
/// Words are hashes that only this tenant's chunks of one set of this index have, so no statement here meets another's rows; what
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
                ON frequencies.tenant_id = $1 AND frequencies.index_id = $5 AND frequencies.chunk_set = $6
                AND frequencies.term = asked.term
            """,
            [
                .text(tenant.rawValue), .int8(pointer.wordSpace), .text(pointer.language), .text(text),
                .int8(pointer.index.rawValue), .int4(pointer.chunkSet),
            ]
        ) { row throws(PostgresError) in AskedTerm(term: try row.int64(0), frequency: Int(try row.int64(1))) }
    }

    /// How many chunks the tenant has, and their mean length in words. Small tenants' are counted, from a thousand for the mean.
    static func size(_ pointer: Pointer, _ tenant: TenantID) -> Statement<(chunks: Int, meanLength: Double)> {
        let table = SearchStatements.table(pointer.version)
        return Statement(
            """
            SELECT chunks, mean_length FROM term_statistics WHERE tenant_id = $1 AND index_id = $2 AND chunk_set = $3
            UNION ALL
            SELECT
                (SELECT count(*) FROM (SELECT FROM \(table) WHERE tenant_id = $1 LIMIT \(countedNoFurther)) AS counted),
                (SELECT coalesce(avg(length), 0)::float8 FROM chunk_terms WHERE chunk_id IN (
                    SELECT chunk_id FROM \(table) WHERE tenant_id = $1 LIMIT 1000
                ))
            LIMIT 1
            """,
            [.text(tenant.rawValue), .int8(pointer.index.rawValue), .int4(pointer.chunkSet)]
        ) { row throws(PostgresError) in (Int(try row.int64(0)), try row.float8(1)) }
    }

    /// The best chunks by BM25, best first; ties by chunk.
    ///
    /// Candidates, at most `limit`, come from the GIN index, or are the scope's; each is scored from its own words.
    static func best(
        _ plan: TermPlan,
        _ pointer: Pointer,
        meanLength: Double,
        _ ranking: BM25,
        tenant: TenantID,
        in scope: Scope,
        count: Int,
        limit: Int
    ) -> Statement<Found> {
        var binder = Binder()
        let selecting = binder.bind(.int8Array(plan.selecting))
        let narrowed =
            switch scope {
            case .all: ""
            case .these(let chunks):
                "AND chunk_id = ANY (\(binder.bind(.int8Array(chunks.map(\.rawValue))))::int8[])"
            case .matching(let narrowing): "AND " + narrowing.condition(ofChunk: "chunk_terms.chunk_id", &binder)
            }
        let (most, wanted) = (binder.bind(.int8(Int64(limit))), binder.bind(.int8(Int64(count))))
        let (terms, weights) = (binder.bind(.int8Array(plan.scoring)), binder.bind(.float8Array(plan.weights)))
        let (k1, b) = (binder.bind(.float8(ranking.k1)), binder.bind(.float8(ranking.b)))
        let (mean, owner) = (binder.bind(.float8(meanLength)), binder.bind(.text(tenant.rawValue)))
        return Statement(
            """
            WITH scored AS (
                SELECT chunk_id, (
                    SELECT sum(
                        asked.weight * n * (\(k1) + 1)
                        / (n + \(k1) * (1 - \(b) + \(b) * coalesce(length / nullif(\(mean)::float8, 0), 1)))
                    )
                    FROM unnest(\(terms)::int8[], \(weights)::float8[]) AS asked (term, weight)
                    CROSS JOIN LATERAL (SELECT counts[array_position(terms, asked.term)]::float8 AS n) AS held
                    WHERE n IS NOT NULL
                ) AS score
                FROM (
                    SELECT chunk_id, length, terms, counts FROM chunk_terms
                    WHERE terms \(plan.wantsAll ? "@>" : "&&") \(selecting)::int8[] \(narrowed)
                    LIMIT \(most)
                ) AS candidates
            )
            SELECT scored.chunk_id, scored.score FROM scored
            JOIN \(SearchStatements.table(pointer.version)) AS live ON live.chunk_id = scored.chunk_id
            WHERE live.tenant_id = \(owner) ORDER BY scored.score DESC, scored.chunk_id LIMIT \(wanted)
            """,
            binder.values
        ) { row throws(PostgresError) in
            Found(chunk: ChunkID(rawValue: try row.int64(0)), score: try row.float8(1))
        }
    }
}
