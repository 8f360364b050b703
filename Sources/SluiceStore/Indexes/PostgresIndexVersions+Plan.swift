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
        let spec = try change.applied(to: live.spec)
        let isRechunked = spec.chunkerFingerprint != live.spec.chunkerFingerprint
        // The version that answers has a vector of every chunk.
        let known = spec.model == live.spec.model
        if let problem = spec.problem { throw TaskFailure(errorClass: "index.impossible", message: problem) }
        let counted = try await store.pool.transaction(readOnly: true, settings: Self.unhurried) { transaction in
            try await transaction.query(Self.counts(live, spec.model, isKnown: known && !isRechunked))
        }
        guard let counts = counted.first,
            let rates = try await store.pool.query(Self.rates()).first
        else { throw PostgresError(.unexpectedReply, "no counts came back") }
        var facts = counts.facts(rates)
        if let policy = spec.partitions {
            facts.largeTenants = try await store.pool.query(
                PartitionStatements.large(live.index, above: policy.above),
                settings: Self.unhurried
            )
        }
        if isRechunked {
            let unread = try await store.pool.query(Self.unread(live.index), settings: Self.unhurried).first ?? 0
            facts = facts.rechunked(from: live.spec, to: spec, unread: unread)
        }
        return (spec, facts)
    }

    /// All chunks or documents are looked at: of many millions that takes longer than statements otherwise may.
    private static let unhurried = [(name: "statement_timeout", value: "600000")]

    private struct Counts: Sendable {
        let chunks: Int
        let without: Int
        let characters: Int
        let allCharacters: Int
        let documents: Int
        let bytes: Int

        func facts(_ rates: [Double?]) -> IndexPlan.Facts {
            IndexPlan.Facts(
                chunks: chunks,
                reusable: chunks - without,
                charactersToEmbed: characters,
                characters: allCharacters,
                documents: documents,
                databaseBytes: bytes,
                copiedPerSecond: rates[0],
                embeddedPerSecond: rates[1],
                indexedPerSecond: rates[2]
            )
        }
    }

    /// Documents that answer without a kept text.
    private static func unread(_ index: IndexID) -> Statement<Int> {
        Statement(
            """
            SELECT count(*) FROM documents WHERE index_id = $1 AND live_version IS NOT NULL AND NOT EXISTS (
                SELECT FROM document_texts AS texts
                WHERE texts.document_id = documents.id AND texts.version_id = documents.live_version
            )
            """,
            [.int8(index.rawValue)]
        ) { row throws(PostgresError) in Int(try row.int64(0)) }
    }

    private static func counts(_ live: IndexVersionRecord, _ model: ModelIdentity, isKnown: Bool) -> Statement<Counts> {
        Statement(
            """
            WITH mine AS (
                SELECT document_id, char_to - char_from AS length, $3 OR EXISTS (
                    SELECT FROM embedding_cache AS cache WHERE cache.tenant_id = chunks.tenant_id
                        AND cache.model_fingerprint = $2 AND cache.content_hash = chunks.content_hash
                ) AS is_known
                FROM chunks JOIN documents ON documents.id = chunks.document_id
                WHERE documents.index_id = $1 AND chunks.chunk_set = $4
            )
            SELECT count(*), count(*) FILTER (WHERE NOT is_known), coalesce(sum(length) FILTER (WHERE NOT is_known), 0),
                pg_database_size(current_database()), coalesce(sum(length), 0), count(DISTINCT document_id)
            FROM mine
            """,
            [.int8(live.index.rawValue), .text(model.fingerprint), .bool(isKnown), .int4(live.chunkSet)]
        ) { row throws(PostgresError) in
            Counts(
                chunks: Int(try row.int64(0)),
                without: Int(try row.int64(1)),
                characters: Int(try row.int64(2)),
                allCharacters: Int(try row.int64(4)),
                documents: Int(try row.int64(5)),
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
