internal import SluiceCore
package import SluiceInference
package import SluicePostgres

/// Answers questions from the live version of an index, for one tenant.
///
/// Row-level security and the statement's own condition both keep other tenants out. The query's vector must come from
/// the model that the index's row names; anything else is refused rather than answered with nonsense.
package struct Searcher: Sendable {
    private let pool: PostgresPool
    private let embedder: any Embedder
    private let exactBelow: Int

    /// - Parameters:
    ///   - pool: sessions in the fleet's schema.
    ///   - exactBelow: tenants with fewer vectors are searched exactly: as fast as the index there, and nothing is missed.
    package init(pool: PostgresPool, embedder: any Embedder, exactBelow: Int = 10_000) {
        self.pool = pool
        self.embedder = embedder
        self.exactBelow = exactBelow
    }

    /// - Throws: `SearchError` for requests that cannot be answered, `InferenceError`, `PostgresError`.
    package func search(_ request: SearchRequest) async throws -> SearchResult {
        let vector = try await vector(of: request)
        // A swap between reading the pointer and searching is rare; twice in a row needs a reason.
        for _ in 0..<3 {
            do {
                if let result = try await attempt(request, vector) { return result }
            } catch let error as PostgresError where error.code == .undefinedTable {
                // The version was retired and dropped in between; where the schema is missing, the pointer is too.
                continue
            }
        }
        throw SearchError(code: .moved, description: "index '\(request.index)' was swapped again and again; ask again")
    }

    /// How PostgreSQL would answer: its plan, a line a node. For checks that the index is chosen.
    package func plan(_ request: SearchRequest) async throws -> [String] {
        let vector = try await vector(of: request)
        return try await withPointer(request) { transaction, pointer, known in
            let method: SearchStatements.Method = known < exactBelow ? .exact : .index
            let statement = SearchStatements.nearest(pointer, vector, request.tenant, request.count, by: method)
            return try await transaction.query(SearchStatements.explain(statement))
        }
    }

    private func vector(of request: SearchRequest) async throws -> [Float] {
        guard (1...1_000).contains(request.count) else {
            throw SearchError(
                code: .badRequest,
                description: "between 1 and 1000 hits can be asked for, not \(request.count)"
            )
        }
        guard request.text.unicodeScalars.contains(where: { !$0.properties.isWhitespace }) else {
            throw SearchError(code: .badRequest, description: "the question is empty")
        }
        return Array(try await embedder.embed([request.text])[0])
    }

    /// Nil when the pointer was moved meanwhile.
    private func attempt(_ request: SearchRequest, _ vector: [Float]) async throws -> SearchResult? {
        try await withPointer(request) { transaction, pointer, known in
            let nearest = { (method: SearchStatements.Method) in
                try await transaction.query(
                    SearchStatements.nearest(pointer, vector, request.tenant, request.count, by: method)
                )
            }
            var isExact = known < exactBelow
            var hits = try await nearest(isExact ? .exact : .index)
            if hits.count < min(request.count, known), !isExact {
                // The index gave up before it had enough of this tenant's.
                isExact = true
                hits = try await nearest(.exact)
            }
            if hits.isEmpty && known > 0 { return nil }
            return SearchResult(
                index: request.index,
                version: pointer.number,
                epoch: pointer.epoch,
                hits: hits,
                isExact: isExact
            )
        }
    }

    /// Runs `body` in one snapshot, in the tenant's scope, with the live version and how many vectors the tenant has there,
    /// counted no further than need be.
    private func withPointer<Value: Sendable>(
        _ request: SearchRequest,
        _ body: (PostgresTransaction, Pointer, Int) async throws -> Value
    ) async throws -> Value {
        let effort = min(1_000, max(100, request.count * 2))
        let settings = [
            ("sluice.tenant", request.tenant.rawValue), ("hnsw.ef_search", "\(effort)"),
            ("hnsw.iterative_scan", "relaxed_order"), ("hnsw.max_scan_tuples", "40000"),
            // A plan made once for all tenants would be wrong for the large or for the small ones.
            ("plan_cache_mode", "force_custom_plan"),
        ].map { (name: $0.0, value: $0.1) }
        return try await pool.transaction(readOnly: true, repeatableRead: true, settings: settings) { transaction in
            guard let pointer = try await transaction.query(SearchStatements.pointer(request.index)).first else {
                throw SearchError(
                    code: .noIndex,
                    description: "there is no index '\(request.index)'; ingest something into it first"
                )
            }
            guard pointer.model == embedder.model.fingerprint else {
                throw SearchError(
                    code: .wrongModel,
                    description: "index '\(request.index)' is asked with model \(pointer.model), but this process has "
                        + "\(embedder.model.fingerprint); point SLUICE_MODEL at the index's model"
                )
            }
            let known =
                try await transaction.query(
                    SearchStatements.count(pointer.version, request.tenant, cap: max(exactBelow, request.count))
                ).first ?? 0
            return try await body(transaction, pointer, known)
        }
    }
}
