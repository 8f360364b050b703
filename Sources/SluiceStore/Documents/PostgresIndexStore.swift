package import SluiceCore
package import SluiceDocuments
internal import SluicePostgres
package import SluiceQueue

/// The index registry on PostgreSQL.
package struct PostgresIndexStore: IndexStore {
    let store: Store
    /// The most that a build may take of the server's memory for the graph, in MiB. A graph that does not fit is finished on
    /// disk, many times slower.
    let maxBuildMemory: Int
    private let announce: @Sendable ([EnqueuedTask]) async -> Void

    package init(
        _ store: Store,
        maxBuildMemory: Int = 2_048,
        announce: @escaping @Sendable ([EnqueuedTask]) async -> Void
    ) {
        self.store = store
        self.maxBuildMemory = maxBuildMemory
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
        try await ensureIndex(name, model: model, chunkerFingerprint: chunkerFingerprint, language: nil)
    }

    /// - Parameter language: a text search configuration of the database, by which words of chunks and of questions are read;
    ///   nil: `english`. Of an index that is there it changes nothing.
    /// - Throws: `TaskFailure` `index.impossible` where the database has no such configuration, `PostgresError`.
    package func ensureIndex(
        _ name: IndexName,
        model: ModelIdentity,
        chunkerFingerprint: String,
        language: String?
    ) async throws -> IndexSnapshot {
        if let index = try await index(name) { return index }
        if let language {
            let known = try await store.pool.query(IndexStatements.languages())
            guard known.contains(language) else {
                throw TaskFailure(
                    errorClass: "index.impossible",
                    message: "the database has no text search configuration of that name; it has "
                        + known.joined(separator: ", ")
                )
            }
        }
        let enqueued = try await store.pool.transaction { transaction -> [EnqueuedTask] in
            guard
                let index = try await transaction.query(IndexStatements.insert(name, model, language ?? "english"))
                    .first,
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
}
