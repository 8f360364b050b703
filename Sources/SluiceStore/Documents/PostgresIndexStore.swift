package import SluiceCore
package import SluiceDocuments
internal import SluicePostgres
package import SluiceQueue

/// The index registry on PostgreSQL.
package struct PostgresIndexStore: IndexStore {
    private let store: Store
    private let announce: @Sendable ([EnqueuedTask]) async -> Void

    package init(_ store: Store, announce: @escaping @Sendable ([EnqueuedTask]) async -> Void) {
        self.store = store
        self.announce = announce
    }

    package func index(_ name: IndexName) async throws -> IndexSnapshot? {
        try await store.pool.query(IndexStatements.find(name)).first
    }

    package func ensureIndex(
        _ name: IndexName,
        model: ModelIdentity,
        chunkerFingerprint: String
    ) async throws -> IndexSnapshot {
        if let index = try await index(name) { return index }
        let enqueued = try await store.pool.transaction { transaction -> [EnqueuedTask] in
            guard let index = try await transaction.query(IndexStatements.insert(name, model)).first,
                let version = try await transaction.query(
                    IndexStatements.insertFirstVersion(index, model, chunkerFingerprint)
                ).first
            else { return [] }
            try await transaction.execute(IndexStatements.makeTable(version, model.dimension))
            try await transaction.execute(IndexStatements.point(index, to: version))
            try await transaction.execute(IndexStatements.event(version, "created"))
            let build = try NewTask(
                BuildIndexInput(version: version.rawValue),
                tenant: .default,
                uniqueKey: "version/\(version)"
            )
            return try await store.enqueue([build], in: transaction)
        }
        await announce(enqueued)
        guard let index = try await index(name) else {
            throw PostgresError(.serializationFailure, "the index is being made by another transaction")
        }
        return index
    }

    /// Cosine operators, although the vectors are of unit length: a score of a hit is then the distance itself, and an
    /// index stays right should a model come that does not normalise.
    package func buildHNSW(_ version: IndexVersionID) async throws -> Bool {
        let name = IndexVersionNames.hnsw(version)
        let table = IndexVersionNames.table(version)
        return try await store.pool.withConnection { connection in
            if try await connection.query(IndexStatements.hnswState(name)).first == true { return false }
            guard let (m, efConstruction) = try await connection.query(IndexStatements.parameters(version)).first else {
                throw TaskFailure(errorClass: "index.gone", message: "index version \(version) does not exist any more")
            }
            // What is there is a build that was cut off: CONCURRENTLY leaves it behind, invalid.
            try await connection.script("DROP INDEX IF EXISTS \(quotedIdentifier(name))")
            try await connection.script("SET statement_timeout = 0; SET lock_timeout = '30s'")
            do {
                try await connection.script(
                    """
                    CREATE INDEX CONCURRENTLY \(quotedIdentifier(name)) ON \(quotedIdentifier(table))
                    USING hnsw (embedding halfvec_cosine_ops) WITH (m = \(m), ef_construction = \(efConstruction))
                    """,
                    timeout: .seconds(6 * 3_600)
                )
                try await connection.script("ANALYZE \(quotedIdentifier(table))", timeout: .seconds(600))
                try await connection.script("RESET statement_timeout; RESET lock_timeout")
            } catch {
                try? await connection.script("RESET statement_timeout; RESET lock_timeout")
                throw error
            }
            guard try await connection.query(IndexStatements.hnswState(name)).first == true else {
                throw TaskFailure(
                    errorClass: "index.invalid",
                    message: "the HNSW index of version \(version) is not valid after its build; it is built again"
                )
            }
            try await connection.execute(IndexStatements.indexed(version))
            try await connection.execute(IndexStatements.event(version, "indexed", detail: "{\"m\": \(m)}"))
            return true
        }
    }
}
