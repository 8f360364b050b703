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
    private let candidates: Int
    private let ranking = BM25()
    /// Of each list, for hybrid search.
    private let fusedDepth = 100

    /// - Parameters:
    ///   - pool: sessions in the fleet's schema.
    ///   - exactBelow: tenants with fewer vectors are searched exactly: as fast as the index there, and nothing is missed.
    ///   - candidates: chunks that are scored by their words at most, those with the rarest words of the question first.
    package init(
        pool: PostgresPool,
        embedder: any Embedder,
        exactBelow: Int = 10_000,
        candidates: Int = 5_000
    ) {
        self.pool = pool
        self.embedder = embedder
        self.exactBelow = exactBelow
        self.candidates = candidates
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

    /// How PostgreSQL would find the nearest vectors: its plan, a line a node. For checks that the index is chosen.
    package func plan(_ request: SearchRequest) async throws -> [String] {
        var request = request
        request.mode = .dense
        let vector = try await vector(of: request)
        return try await withPointer(request) { transaction, pointer, known in
            let method: SearchStatements.Method = known < exactBelow ? .exact : .index
            let statement = SearchStatements.nearest(pointer, vector, request.tenant, request.count, by: method)
            return try await transaction.query(SearchStatements.explain(statement))
        }
    }

    /// Empty for a search by words only, which asks no model.
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
        guard !request.text.unicodeScalars.contains("\0") else {
            throw SearchError(code: .badRequest, description: "the question has a NUL character, which no text has")
        }
        return request.mode == .bm25 ? [] : Array(try await embedder.embed([request.text])[0])
    }

    /// Nil when the pointer was moved meanwhile.
    private func attempt(_ request: SearchRequest, _ vector: [Float]) async throws -> SearchResult? {
        try await withPointer(request) { transaction, pointer, known in
            // Fusion wants more of each list than it gives: what is second in both may well be the best.
            let depth = request.mode == .hybrid ? max(request.count, fusedDepth) : request.count
            var dense: (found: [Found], isExact: Bool) = ([], true)
            if request.mode != .bm25 {
                dense = try await nearest(vector, depth, request.tenant, pointer, known, transaction)
            }
            var lexical: [Found] = []
            if request.mode != .dense {
                lexical = try await best(request, depth, pointer, transaction)
            }
            let ranking = Ranking(mode: request.mode, dense: dense.found, lexical: lexical).prefix(request.count)
            let places = try await transaction.query(
                SearchStatements.places(ranking.map(\.chunk), pointer, request.tenant)
            )
            if places.isEmpty && !ranking.isEmpty { return nil }
            return SearchResult(
                index: request.index,
                version: pointer.number,
                epoch: pointer.epoch,
                hits: Ranking.hits(ranking, places),
                mode: request.mode,
                isExact: dense.isExact
            )
        }
    }

    private func nearest(
        _ vector: [Float],
        _ count: Int,
        _ tenant: TenantID,
        _ pointer: Pointer,
        _ known: Int,
        _ transaction: PostgresTransaction
    ) async throws -> (found: [Found], isExact: Bool) {
        if known >= exactBelow {
            let found = try await transaction.query(
                SearchStatements.nearest(pointer, vector, tenant, count, by: .index)
            )
            if found.count >= min(count, known) { return (found, false) }
            // The index gave up before it had enough of this tenant's.
        }
        return (
            try await transaction.query(SearchStatements.nearest(pointer, vector, tenant, count, by: .exact)), true
        )
    }

    private func best(
        _ request: SearchRequest,
        _ count: Int,
        _ pointer: Pointer,
        _ transaction: PostgresTransaction
    ) async throws -> [Found] {
        let asked = try await transaction.query(LexicalStatements.asked(request.text, pointer, request.tenant))
        guard asked.contains(where: { $0.frequency > 0 }),
            let size = try await transaction.query(LexicalStatements.size(pointer, request.tenant)).first
        else { return [] }
        let plan = TermPlan(asked, chunks: size.chunks, limit: candidates, ranking: ranking)
        return try await transaction.query(
            LexicalStatements.best(
                plan,
                pointer,
                meanLength: size.meanLength,
                ranking,
                tenant: request.tenant,
                count: count,
                limit: max(candidates, count)
            )
        )
    }

    /// Runs `body` in one snapshot, in the tenant's scope, with the live version and how many vectors the tenant has there,
    /// counted no further than need be.
    private func withPointer<Value: Sendable>(
        _ request: SearchRequest,
        _ body: (PostgresTransaction, Pointer, Int) async throws -> Value
    ) async throws -> Value {
        let effort = min(1_000, max(request.mode == .hybrid ? 200 : 100, request.count * 2))
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
            guard request.mode == .bm25 || pointer.model == embedder.model.fingerprint else {
                throw SearchError(
                    code: .wrongModel,
                    description: "index '\(request.index)' is asked with model \(pointer.model), but this process has "
                        + "\(embedder.model.fingerprint); point SLUICE_MODEL at the index's model"
                )
            }
            let known =
                try await transaction.query(
                    SearchStatements.count(
                        pointer.version,
                        request.tenant,
                        cap: max(exactBelow, request.count, fusedDepth)
                    )
                ).first ?? 0
            return try await body(transaction, pointer, known)
        }
    }
}
