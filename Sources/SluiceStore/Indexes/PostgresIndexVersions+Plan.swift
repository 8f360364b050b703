package import SluiceCore
package import SluiceDocuments
internal import SluicePostgres

extension PostgresIndexVersions {
    /// What a version like the live one but for `change` would be, and what is known for its plan. Reads only; takes seconds for
    /// millions of chunks.
    package func plan(
        _ index: IndexName,
        _ change: IndexVersionChange
    ) async throws -> (spec: IndexVersionSpec, facts: IndexPlan.Facts) {
        guard let live = try await versions(of: index).first(where: { $0.state == .live }) else {
            throw TaskFailure(errorClass: "index.unknown", message: "there is no index '\(index)'")
        }
        let spec = change.applied(to: live.spec)
        // The version that answers has a vector of every chunk.
        let known = spec.model == live.spec.model
        if let problem = spec.problem { throw TaskFailure(errorClass: "index.impossible", message: problem) }
        let counted = try await store.pool.transaction(readOnly: true, settings: Self.unhurried) { transaction in
            try await transaction.query(Self.counts(live.index, spec.model, isKnown: known))
        }
        guard let counts = counted.first,
            let rates = try await store.pool.query(Self.rates()).first
        else { throw PostgresError(.unexpectedReply, "no counts came back") }
        var large: [PartitionPolicy.Tenant] = []
        if let policy = spec.partitions {
            large = try await store.pool.query(PartitionStatements.large(live.index, above: policy.above))
        }
        return (
            spec,
            IndexPlan.Facts(
                chunks: counts.chunks,
                reusable: counts.chunks - counts.without,
                charactersToEmbed: counts.characters,
                databaseBytes: counts.bytes,
                copiedPerSecond: rates[0],
                embeddedPerSecond: rates[1],
                indexedPerSecond: rates[2],
                largeTenants: large
            )
        )
    }

    /// All chunks are looked at: of many millions that takes longer than statements otherwise may.
    private static let unhurried = [(name: "statement_timeout", value: "600000")]

    private struct Counts: Sendable {
        let chunks: Int
        let without: Int
        let characters: Int
        let bytes: Int
    }

    private static func counts(_ index: IndexID, _ model: ModelIdentity, isKnown: Bool) -> Statement<Counts> {
        Statement(
            """
            WITH mine AS (
                SELECT char_to - char_from AS length, $3 OR EXISTS (
                    SELECT FROM embedding_cache AS cache WHERE cache.tenant_id = chunks.tenant_id
                        AND cache.model_fingerprint = $2 AND cache.content_hash = chunks.content_hash
                ) AS is_known
                FROM chunks JOIN documents ON documents.id = chunks.document_id WHERE documents.index_id = $1
            )
            SELECT count(*), count(*) FILTER (WHERE NOT is_known), coalesce(sum(length) FILTER (WHERE NOT is_known), 0),
                pg_database_size(current_database())
            FROM mine
            """,
            [.int8(index.rawValue), .text(model.fingerprint), .bool(isKnown)]
        ) { row throws(PostgresError) in
            Counts(
                chunks: Int(try row.int64(0)),
                without: Int(try row.int64(1)),
                characters: Int(try row.int64(2)),
                bytes: Int(try row.int64(3))
            )
        }
    }

    /// Rows a second of the newest rebuilds that mostly copied, that mostly embedded, and of the newest HNSW build. Small ones say
    /// little and are left out.
    private static func rates() -> Statement<[Double?]> {
        Statement(
            """
            WITH loads AS (
                SELECT version.id, version.rows_copied, version.rows_embedded,
                    (version.rows_copied + version.rows_embedded) / nullif(extract(epoch FROM ended.at - began.at), 0) AS rate
                FROM index_versions AS version
                JOIN index_events AS began ON began.version_id = version.id AND began.event = 'began'
                JOIN index_events AS ended ON ended.version_id = version.id AND ended.event = 'loaded'
                WHERE version.rows_copied + version.rows_embedded >= 500
            )
            SELECT (SELECT rate::float8 FROM loads WHERE rows_copied >= rows_embedded ORDER BY id DESC LIMIT 1),
                (SELECT rate::float8 FROM loads WHERE rows_copied < rows_embedded ORDER BY id DESC LIMIT 1),
                (
                    SELECT ((detail ->> 'vectors')::float8 / nullif((detail ->> 'seconds')::float8, 0))
                    FROM index_events WHERE event = 'indexed' AND (detail ->> 'vectors')::float8 >= 500
                        AND detail ? 'seconds'
                    ORDER BY id DESC LIMIT 1
                )
            """
        ) { row throws(PostgresError) in
            [try row.optionalFloat8(0), try row.optionalFloat8(1), try row.optionalFloat8(2)]
        }
    }
}
