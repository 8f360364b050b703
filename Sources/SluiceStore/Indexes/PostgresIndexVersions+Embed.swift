package import SluiceCore
package import SluiceDocuments
internal import SluicePostgres
package import SluiceSystem

extension PostgresIndexVersions: IndexEmbedStore {
    package func unembedded(_ id: IndexVersionID, _ scope: EmbedScope) async throws -> [UnembeddedChunk] {
        guard let version = try await version(id) else { throw Self.gone(id) }
        let table = try await table(of: id, for: scope) { try await store.pool.query($0).first }
        return try await store.pool.query(EmbedIndexStatements.unembedded(version, table, scope))
    }

    /// Of a document, the one that holds its vectors; of a range of chunks, the version's, whatever tenants they are of.
    private func table(
        of version: IndexVersionID,
        for scope: EmbedScope,
        _ ask: (Statement<String>) async throws -> String?
    ) async throws -> String {
        guard case .document(let document) = scope else { return IndexVersionNames.table(version) }
        return try await ask(PartitionStatements.table(of: version, for: document)) ?? IndexVersionNames.table(version)
    }

    package func store(
        _ vectors: [TenantID: [SHA256Digest: [Float]]],
        in id: IndexVersionID,
        _ scope: EmbedScope,
        isOver: Bool,
        fence: Fence
    ) async throws -> Int {
        try await store.pool.transaction { transaction in
            try await store.hold(fence, in: transaction)
            guard let version = try await transaction.query(VersionStatements.one(id)).first else {
                throw Self.gone(id)
            }
            // It shares the index's lock with ingests: whoever takes the version out of use waits for this, or comes first.
            try await transaction.execute(VersionStatements.share(of: version.index))
            var added = 0
            let current = try await transaction.query(VersionStatements.one(id)).first
            if current?.state.isWritten == true {
                try await cache(vectors, version, scope, transaction)
                let table = try await table(of: id, for: scope) { try await transaction.query($0).first }
                added = try await transaction.execute(EmbedIndexStatements.addCached(version, table, scope))
                let embedded = vectors.values.reduce(0) { $0 + $1.count }
                if embedded > 0 { try await transaction.execute(EmbedIndexStatements.embedded(version, embedded)) }
            }
            if isOver { try await store.complete(fence, in: transaction) }
            return added
        }
    }

    /// By binary COPY into a stage, then into the cache in its own order.
    private func cache(
        _ vectors: [TenantID: [SHA256Digest: [Float]]],
        _ version: IndexVersionRecord,
        _ scope: EmbedScope,
        _ transaction: PostgresTransaction
    ) async throws {
        if vectors.allSatisfy(\.value.isEmpty) { return }
        var rows = CopyRows()
        for (tenant, vectors) in vectors {
            for (hash, vector) in vectors {
                guard vector.count == version.spec.model.dimension else {
                    throw TaskFailure(
                        errorClass: "inference.dimension",
                        message:
                            "the model gave \(vector.count) numbers a vector where \(version.spec.model.dimension) belong"
                    )
                }
                try rows.append([
                    .text(tenant.rawValue), .bytes(hash.bytes), .binary(HalfVector.encode(vector), type: 0),
                ])
            }
        }
        try await transaction.script(
            "CREATE TEMP TABLE index_vector_stage (tenant_id text, content_hash bytea, embedding halfvec) ON COMMIT DROP"
        )
        try await transaction.copy(
            into: "index_vector_stage",
            columns: ["tenant_id", "content_hash", "embedding"],
            rows: rows
        )
        try await transaction.execute(EmbedIndexStatements.cacheStage(version, scope))
    }
}
