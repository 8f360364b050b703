internal import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres

extension PostgresIndexVersions {
    /// What the vectors of a version with partitions refer to: chunks by number and tenant. Made by the first such version, beside
    /// writers, and kept: it takes about 40 bytes a chunk.
    private static let chunkKey = "chunks_tenant_key"

    /// Blocks a connection for seconds where there are millions of chunks, and longer while older transactions are open. What was cut
    /// off is done by the next call.
    func prepareChunkKey() async throws {
        let state = IndexStatements.state(Self.chunkKey)
        if try await store.pool.query(state).first == true { return }
        try await store.unhurried { connection in
            try await connection.script("DROP INDEX CONCURRENTLY IF EXISTS \(Self.chunkKey)", timeout: .seconds(600))
            try await connection.script(
                "CREATE UNIQUE INDEX CONCURRENTLY \(Self.chunkKey) ON chunks (id, tenant_id)",
                timeout: .seconds(3_600)
            )
        }
        guard try await store.pool.query(state).first == true else {
            throw TaskFailure(
                errorClass: "index.invalid",
                message: "the index \(Self.chunkKey) is not valid after its build; it is built again"
            )
        }
    }
}
