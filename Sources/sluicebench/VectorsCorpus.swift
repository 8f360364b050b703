internal import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres
internal import SluiceStore

/// Chunks with synthetic vectors in the real tables, of several tenants.
///
/// Documents of ten chunks. One in a hundred has the field `part` 7, one in ten the tag `tenth`, half of them `part` below 50: filters
/// of 1, 10 and 50 %.
struct VectorsCorpus: Sendable {
    struct Tenant: Sendable {
        let id: TenantID
        let chunks: Int
    }

    static let perDocument = 10
    /// Chunks of one transaction.
    private static let step = 20_000

    let store: Store
    let index: IndexSnapshot
    let vectors: SyntheticVectors
    let tenants: [Tenant]

    /// Seven in ten of the first tenant's, two of the second's, the rest of the third's; and one of 100 chunks.
    init(store: Store, index: IndexSnapshot, vectors: SyntheticVectors, count: Int) {
        self.store = store
        self.index = index
        self.vectors = vectors
        let (large, middle) = (count * 7 / 10, count * 2 / 10)
        tenants = [
            Tenant(id: TenantID(trusted: "large"), chunks: large),
            Tenant(id: TenantID(trusted: "middle"), chunks: middle),
            Tenant(id: TenantID(trusted: "low"), chunks: max(0, count - large - middle - 100)),
            Tenant(id: TenantID(trusted: "small"), chunks: 100),
        ]
    }

    /// Which cluster a chunk belongs to: those of a document are of like matters.
    func cluster(of chunk: Int) -> Int {
        var random = FastRandom(seed: UInt64(chunk / Self.perDocument) + 1)
        return Int(random.next() % UInt64(vectors.clusters))
    }

    /// Words of the cluster, of its neighbours, and of everybody.
    func text(of chunk: Int, _ random: inout FastRandom) -> String {
        let cluster = cluster(of: chunk)
        let words = (0..<12).map { place -> String in
            switch place {
            case 0..<4: "c\(cluster)w\(random.next() % 20)"
            case 4..<8: "t\(cluster % 50)w\(random.next() % 200)"
            // Few are frequent, most are rare.
            default: "w\((random.next() % 5_000) * (random.next() % 5_000) / 5_000)"
            }
        }
        return words.joined(separator: " ")
    }

    /// Loads by COPY and INSERT ... SELECT, with no index on words or vectors yet.
    func load() async throws {
        try await script("DROP INDEX chunk_terms_idx")
        var first = 0
        for tenant in tenants {
            try await store.ensureTenant(tenant.id)
            for start in stride(from: 0, to: tenant.chunks, by: Self.step) {
                try await load(tenant.id, first + start, min(Self.step, tenant.chunks - start))
            }
            // Documents are whole.
            first += (tenant.chunks + Self.perDocument - 1) / Self.perDocument * Self.perDocument
        }
        try await script(
            "SET maintenance_work_mem = '256MB'; CREATE INDEX chunk_terms_idx ON chunk_terms USING gin (terms)"
        )
        try await script("ANALYZE documents; ANALYZE document_facets; ANALYZE chunks; ANALYZE chunk_terms")
    }

    private func load(_ tenant: TenantID, _ start: Int, _ count: Int) async throws {
        var (chunks, embeddings) = (CopyRows(), CopyRows())
        for number in start..<(start + count) {
            var random = FastRandom(seed: UInt64(number) &+ 0x5EED)
            let hash = [UInt8](repeating: 0, count: 24) + withUnsafeBytes(of: UInt64(number).bigEndian, Array.init)
            try chunks.append([
                .int8(Int64(number + 1)), .int8(Int64(number / Self.perDocument)), .int4(number % Self.perDocument),
                .bytes(hash), .text(text(of: number, &random)),
            ])
            let vector = vectors.vector(near: cluster(of: number), &random)
            try embeddings.append([.int8(Int64(number + 1)), .bytes(hash), .binary(HalfVector.encode(vector), type: 0)])
        }
        let (chunkRows, vectorRows) = (chunks, embeddings)
        try await store.inTenant(tenant, settings: [("statement_timeout", "0")]) { transaction in
            try await transaction.script(
                """
                CREATE TEMP TABLE chunk_load (id bigint, document bigint, ordinal int, hash bytea, text text) ON COMMIT DROP;
                CREATE TEMP TABLE vector_load (id bigint, hash bytea, embedding halfvec) ON COMMIT DROP
                """
            )
            try await transaction.copy(
                into: "chunk_load",
                columns: ["id", "document", "ordinal", "hash", "text"],
                rows: chunkRows
            )
            try await transaction.copy(into: "vector_load", columns: ["id", "hash", "embedding"], rows: vectorRows)
            try await transaction.execute(Self.documents(tenant, index.id))
            try await transaction.execute(Self.chunks(tenant))
            try await transaction.execute(Self.vectors(tenant, index.liveVersion))
        }
    }

    private static func documents(_ tenant: TenantID, _ index: IndexID) -> Statement<Void> {
        Statement(
            """
            INSERT INTO documents (id, tenant_id, index_id, uri, state, metadata, tags) OVERRIDING SYSTEM VALUE
            SELECT document + 1, $1, $2, 'bench:' || document, 'live', jsonb_build_object('part', document % 100),
                CASE WHEN document % 100 < 10 THEN '{tenth}'::text[] ELSE '{}' END
            FROM (SELECT DISTINCT document FROM chunk_load) AS loaded ORDER BY document
            """,
            [.text(tenant.rawValue), .int8(index.rawValue)]
        )
    }

    private static func chunks(_ tenant: TenantID) -> Statement<Void> {
        Statement(
            """
            INSERT INTO chunks (id, tenant_id, document_id, ordinal, char_from, char_to, content_hash, text)
            OVERRIDING SYSTEM VALUE
            SELECT id, $1, document + 1, ordinal, ordinal * 100, ordinal * 100 + 100, hash, text FROM chunk_load ORDER BY id
            """,
            [.text(tenant.rawValue)]
        )
    }

    private static func vectors(_ tenant: TenantID, _ version: IndexVersionID) -> Statement<Void> {
        Statement(
            """
            INSERT INTO \(quotedIdentifier(IndexVersionNames.table(version))) (chunk_id, tenant_id, content_hash, embedding)
            SELECT id, $1, hash, embedding FROM vector_load ORDER BY id
            """,
            [.text(tenant.rawValue)]
        )
    }

    /// Counts words of tenants with many chunks, as the leader does.
    func countTerms() async throws {
        for tenant in tenants where tenant.chunks >= 20_000 {
            _ = try await store.inTenant(tenant.id, settings: [("statement_timeout", "0")]) { transaction in
                try await transaction.query(
                    Statement<Int>(
                        "SELECT sluice_count_terms($1, $2, 20000)",
                        [.text(tenant.id.rawValue), .int8(index.id.rawValue)]
                    ) { row throws(PostgresError) in Int(try row.int64(0)) }
                )
            }
        }
    }

    /// However long it takes.
    private func script(_ sql: String) async throws {
        try await store.pool.withConnection { connection in
            try await connection.script("SET statement_timeout = 0")
            try await connection.script(sql, timeout: .seconds(3_600))
            try await connection.script("RESET statement_timeout; RESET maintenance_work_mem")
        }
    }
}
