internal import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres

/// What gates read. Clock: the server's `now()`.
enum GateStatements {
    private static func table(_ version: IndexVersionID) -> String {
        quotedIdentifier(IndexVersionNames.table(version))
    }

    private static let versionColumns = "id, number, model_fingerprint, dimension, chunker_fingerprint"

    private static func version(_ row: PGRow, from column: Int) throws(PostgresError) -> GateSubject.Version {
        GateSubject.Version(
            id: IndexVersionID(rawValue: try row.int64(column)),
            number: try row.int32(column + 1),
            model: ModelIdentity(fingerprint: try row.text(column + 2), dimension: try row.int32(column + 3)),
            chunker: try row.text(column + 4)
        )
    }

    static func subject(_ version: IndexVersionID, against number: Int?) -> Statement<GateSubject> {
        Statement(
            """
            SELECT indexes.id, indexes.name, indexes.epoch,
                judged.id, judged.number, judged.model_fingerprint, judged.dimension, judged.chunker_fingerprint,
                other.id, other.number, other.model_fingerprint, other.dimension, other.chunker_fingerprint
            FROM index_versions AS judged JOIN indexes ON indexes.id = judged.index_id
            LEFT JOIN index_versions AS other ON other.index_id = judged.index_id AND other.id <> judged.id
                AND CASE WHEN $2::int4 IS NULL THEN other.id = indexes.live_version ELSE other.number = $2 END
            WHERE judged.id = $1
            """,
            [.int8(version.rawValue), .optionalInt4(number)]
        ) { row throws(PostgresError) in
            GateSubject(
                index: IndexID(rawValue: try row.int64(0)),
                name: IndexName(trusted: try row.text(1)),
                version: try Self.version(row, from: 3),
                other: row.isNull(8) ? nil : try Self.version(row, from: 8),
                epoch: try row.int64(2)
            )
        }
    }

    static func version(of index: IndexName, number: Int?) -> Statement<IndexVersionID> {
        Statement(
            """
            SELECT version.id FROM indexes JOIN index_versions AS version ON version.index_id = indexes.id
                AND CASE WHEN $2::int4 IS NULL THEN version.id = indexes.live_version ELSE version.number = $2 END
            WHERE indexes.name = $1
            """,
            [.text(index.rawValue), .optionalInt4(number)]
        ) { row throws(PostgresError) in IndexVersionID(rawValue: try row.int64(0)) }
    }

    /// Those that answer.
    static func indexes() -> Statement<IndexName> {
        Statement("SELECT name FROM indexes WHERE live_version IS NOT NULL ORDER BY name") {
            row throws(PostgresError) in
            IndexName(trusted: try row.text(0))
        }
    }

    /// Whether row-level security lets this session see every tenant's rows.
    static func seesAllTenants() -> Statement<Bool> {
        Statement(
            """
            SELECT coalesce(current_setting('sluice.tenant', true) = '*', false) OR NOT row_security_active('chunks')
            """
        ) { row throws(PostgresError) in try row.bool(0) }
    }

    /// The chunk set of the version `$2`.
    private static let ownSet = "(SELECT chunk_set FROM index_versions WHERE id = $2)"

    /// True of a version that fills its set itself: it says so by how far it has cut.
    private static let isFilling = "(SELECT document_cursor IS NOT NULL FROM index_versions WHERE id = $2)"

    /// Every tenant with chunks in the version's set, and of these chunks those whose text has a vector. Where the version fills the set,
    /// a document without chunks there counts as one without a vector, and so do chunks of which only the gap is left: an ordinal
    /// that none has, or an end before that of the chunks that answer. Documents that are being erased count for nothing.
    static func coverage(_ subject: GateSubject) -> Statement<TenantCoverage> {
        Statement(
            """
            SELECT tenant_id, sum(wanted)::int8, sum(covered)::int8 FROM (
                SELECT chunks.tenant_id, count(*) AS wanted, count(embedded.chunk_id) AS covered
                FROM chunks JOIN documents ON documents.id = chunks.document_id
                LEFT JOIN \(table(subject.version.id)) AS embedded ON embedded.chunk_id = chunks.id
                    AND embedded.content_hash = chunks.content_hash AND embedded.tenant_id = chunks.tenant_id
                WHERE documents.index_id = $1 AND chunks.chunk_set = \(ownSet)
                    AND NOT \(ChunkSetStatements.isBeingErased)
                GROUP BY chunks.tenant_id
                UNION ALL
                SELECT documents.tenant_id, count(*), 0 FROM documents
                WHERE \(isFilling) AND \(ChunkSetStatements.isUncut(in: ownSet))
                GROUP BY documents.tenant_id
                UNION ALL
                SELECT tenant_id, sum(gaps + is_cut_short::integer), 0 FROM (
                    SELECT tenant_id, gaps, coalesce(own_end < other_end AND \(isTextBeyond), false) AS is_cut_short
                    FROM (
                        SELECT chunks.tenant_id, document_id, \(gaps) AS gaps,
                            max(char_to) FILTER (WHERE chunk_set = \(ownSet)) AS own_end,
                            max(char_to) FILTER (WHERE chunk_set <> \(ownSet)) AS other_end
                        FROM chunks JOIN documents ON documents.id = chunks.document_id
                        WHERE documents.index_id = $1 AND \(isFilling) AND chunk_set IN (\(ownSet), \(answeringSet))
                            AND NOT \(ChunkSetStatements.isBeingErased)
                        GROUP BY chunks.tenant_id, document_id
                    ) AS document
                ) AS cut
                WHERE gaps > 0 OR is_cut_short GROUP BY tenant_id
            ) AS counted
            GROUP BY tenant_id ORDER BY tenant_id
            """,
            [.int8(subject.index.rawValue), .int8(subject.version.id.rawValue), .text(whiteSpace)]
        ) { row throws(PostgresError) in
            TenantCoverage(
                tenant: TenantID(trusted: try row.text(0)),
                chunks: Int(try row.int64(1)),
                covered: Int(try row.int64(2))
            )
        }
    }

    private static let answeringSet = """
        (SELECT chunk_set FROM index_versions JOIN indexes ON live_version = index_versions.id WHERE indexes.id = $1)
        """
    /// Of a document's chunks of both sets: ordinals of the version's own that none has. Pieces of a split chunk share one.
    private static let gaps = """
        coalesce(
            max(ordinal) FILTER (WHERE chunk_set = \(ownSet)) + 1
                - count(DISTINCT ordinal) FILTER (WHERE chunk_set = \(ownSet)), 0
        )
        """
    /// Of a document whose own chunks end before those that answer: chunkers that differ in sizes end at the same text, if not at the same
    /// white space.
    private static let isTextBeyond = """
        EXISTS (
            SELECT FROM chunks AS beyond
            WHERE beyond.document_id = document.document_id AND beyond.chunk_set = \(answeringSet) AND char_to > own_end
                AND btrim(substr(beyond.text, greatest(own_end - char_from, 0) + 1), $3) <> ''
        )
        """
    /// As chunkers strip it.
    private static let whiteSpace =
        "\t\n\u{B}\u{C}\r\u{1C}\u{1D}\u{1E}\u{1F} \u{85}\u{A0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}"
        + "\u{2007}\u{2008}\u{2009}\u{200A}\u{2028}\u{2029}\u{202F}\u{205F}\u{3000}"

    /// Vectors by tenant, without a look at chunks.
    static func outline(_ subject: GateSubject) -> Statement<TenantCoverage> {
        Statement(
            "SELECT tenant_id, count(*) FROM \(table(subject.version.id)) GROUP BY tenant_id ORDER BY tenant_id"
        ) { row throws(PostgresError) in
            let count = Int(try row.int64(1))
            return TenantCoverage(tenant: TenantID(trusted: try row.text(0)), chunks: count, covered: count)
        }
    }

    struct Soundness: Sendable {
        let vectors: Int
        let unsound: Int
        let strays: Int
    }

    /// NaN is above every number to PostgreSQL, hence the second bound.
    static func soundness(_ subject: GateSubject) -> Statement<Soundness> {
        Statement(
            """
            SELECT count(*),
                count(*) FILTER (WHERE embedding IS NULL OR NOT coalesce(
                    l2_norm(embedding::halfvec) > 0 AND l2_norm(embedding::halfvec) < 'Infinity'
                    AND vector_dims(embedding::halfvec) = $3, false
                )),
                count(*) FILTER (WHERE owner.id IS NULL)
            FROM \(table(subject.version.id)) AS embedded LEFT JOIN LATERAL (
                SELECT chunks.id FROM chunks JOIN documents ON documents.id = chunks.document_id
                WHERE chunks.id = embedded.chunk_id AND documents.index_id = $1 AND chunks.chunk_set = \(ownSet)
                    AND chunks.content_hash = embedded.content_hash AND chunks.tenant_id = embedded.tenant_id
            ) AS owner ON true
            """,
            [
                .int8(subject.index.rawValue), .int8(subject.version.id.rawValue),
                .int4(subject.version.model.dimension),
            ]
        ) { row throws(PostgresError) in
            Soundness(
                vectors: Int(try row.int64(0)),
                unsound: Int(try row.int64(1)),
                strays: Int(try row.int64(2))
            )
        }
    }

    /// Of a sample of vectors, those whose text the cache has for the version's model, and how many of these differ.
    static func cached(_ subject: GateSubject, sample: Int) -> Statement<(compared: Int, differing: Int)> {
        Statement(
            """
            SELECT count(*), count(*) FILTER (
                WHERE NOT coalesce((sampled.embedding::halfvec <=> cached.embedding) <= 0.02, false)
            )
            FROM (
                SELECT tenant_id, content_hash, embedding FROM \(table(subject.version.id))
                ORDER BY hashint8extended(chunk_id, 17) LIMIT $2
            ) AS sampled JOIN embedding_cache AS cached ON cached.tenant_id = sampled.tenant_id
                AND cached.model_fingerprint = $1 AND cached.content_hash = sampled.content_hash
            """,
            [.text(subject.version.model.fingerprint), .int8(Int64(sample))]
        ) { row throws(PostgresError) in (Int(try row.int64(0)), Int(try row.int64(1))) }
    }

    static func sample(_ subject: GateSubject, _ tenant: TenantID, _ count: Int, _ seed: UInt64) -> Statement<
        SampledChunk
    > {
        Statement(
            """
            SELECT chunks.id, chunks.text, halfvec_send(sampled.embedding::halfvec)
            FROM (
                SELECT chunk_id, embedding FROM \(table(subject.version.id))
                WHERE tenant_id = $1 ORDER BY hashint8extended(chunk_id, $2), chunk_id LIMIT $3
            ) AS sampled JOIN chunks ON chunks.id = sampled.chunk_id ORDER BY hashint8extended(chunks.id, $2), chunks.id
            """,
            [.text(tenant.rawValue), .int8(Int64(bitPattern: seed)), .int8(Int64(count))]
        ) { row throws(PostgresError) in
            SampledChunk(
                chunk: ChunkID(rawValue: try row.int64(0)),
                tenant: tenant,
                text: try row.text(1),
                vector: try HalfVector.decode(try row.bytes(2))
            )
        }
    }

    // MARK: - Thresholds

    static func thresholds(_ index: IndexID) -> Statement<(name: String, value: Double)> {
        Statement(
            "SELECT key, value::float8 FROM gate_thresholds, jsonb_each_text(changed) WHERE index_id = $1",
            [.int8(index.rawValue)]
        ) { row throws(PostgresError) in (try row.text(0), try row.float8(1)) }
    }

    static func setThresholds(_ thresholds: GateThresholds, _ index: IndexID) -> Statement<Void> {
        Statement(
            """
            INSERT INTO gate_thresholds (index_id, changed)
            SELECT $1, coalesce(jsonb_object_agg(name, value), '{}') FROM unnest($2::text[], $3::float8[]) AS set (name, value)
            ON CONFLICT (index_id) DO UPDATE SET changed = excluded.changed, changed_at = now()
            """,
            [
                .int8(index.rawValue), .textArray(thresholds.changed.map(\.name)),
                .float8Array(thresholds.changed.map(\.value)),
            ]
        )
    }
}
