internal import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres
internal import SluiceSystem

/// Cached vectors whose text no chunk of the tenant has any more. Those of a document's earlier versions are among them: their
/// chunks are gone, and with them what tells whose they were.
extension PostgresErasureStore {
    /// Finds them by one reading of the tenant's chunks, beside all who write, and takes them away by their keys in batches of a
    /// transaction each.
    ///
    /// A version that is being staged may have counted on one of them meanwhile. It is embedded again then (`GoLive.mended`); nobody
    /// waits for the reading.
    func removeOrphans(of erasure: Erasure, fence: Fence) async throws -> ErasureBatch {
        let tenant = erasure.subject.tenant
        let orphans = try await store.unhurried { connection in
            try await connection.reply(
                ErasureOrphans.find(tenant, limit: ErasureOrphans.most),
                timeout: ErasureOrphans.limit
            ).rows
        }
        var total = 0
        for start in stride(from: 0, to: orphans.count, by: ErasureOrphans.batch) {
            try Task.checkCancellation()
            let batch = Array(orphans[start..<min(start + ErasureOrphans.batch, orphans.count)])
            total += try await store.pool.transaction { transaction in
                try await store.hold(fence, in: transaction)
                let removed = try await transaction.execute(ErasureOrphans.remove(batch, of: tenant))
                if removed > 0 {
                    try await transaction.execute(ErasureStatements.count(erasure.id, "embedding_cache", removed))
                }
                return removed
            }
        }
        return ErasureBatch(removed: total, next: orphans.count < ErasureOrphans.most || total == 0 ? nil : 0)
    }
}

enum ErasureOrphans {
    struct Key: Sendable {
        let model: String
        let hash: SHA256Digest
    }

    /// Found in one reading.
    static let most = 100_000
    /// Removed in one transaction.
    static let batch = 2_000
    static let limit = Duration.seconds(3_600)

    static let condition = """
        embedding_cache.tenant_id = $1 AND NOT EXISTS (
            SELECT FROM chunks WHERE chunks.tenant_id = $1 AND chunks.content_hash = embedding_cache.content_hash
        ) AND NOT EXISTS (
            SELECT FROM staged_chunks WHERE staged_chunks.tenant_id = $1
                AND staged_chunks.content_hash = embedding_cache.content_hash
        )
        """

    static func find(_ tenant: TenantID, limit: Int) -> Statement<Key> {
        Statement(
            "SELECT model_fingerprint, content_hash FROM embedding_cache WHERE \(condition) LIMIT $2",
            [.text(tenant.rawValue), .int8(Int64(limit))]
        ) { row throws(PostgresError) in Key(model: try row.text(0), hash: try row.digest(1)) }
    }

    /// - Index: the cache's primary key.
    static func remove(_ keys: [Key], of tenant: TenantID) -> Statement<Void> {
        Statement(
            """
            DELETE FROM embedding_cache USING unnest($2::text[], $3::bytea[]) AS orphan (model, hash)
            WHERE tenant_id = $1 AND model_fingerprint = orphan.model AND content_hash = orphan.hash
            """,
            [.text(tenant.rawValue), .textArray(keys.map(\.model)), .byteaArray(keys.map(\.hash.bytes))]
        )
    }
}
