internal import SluiceCore
internal import SluiceDocuments
package import SluiceInference
package import SluicePostgres

/// Answers questions from the live version of an index, or from any other that has its table, for one tenant.
///
/// Row-level security and the statement's own condition both keep other tenants out. The query's vector must come from
/// the model that the version names; anything else is refused rather than answered with nonsense.
package struct Searcher: Sendable {
    let pool: PostgresPool
    let exactBelow: Int
    let candidates: Int
    let matchingBelow: Int?
    let ranking = BM25()
    /// Of each list, for hybrid search.
    let fusedDepth = 100
    let reranker: (any Reranker)?
    private let questions: QuestionLog?
    private let models: QueryModels
    private let watch = CanaryWatch()

    /// - Parameters:
    ///   - pool: sessions in the fleet's schema.
    ///   - embedders: the models that versions may name; none is needed to search by words, or with vectors given.
    ///   - reranker: judges anew, for requests that want it.
    ///   - questions: keeps what is asked, of indexes that want it.
    ///   - exactBelow: tenants with fewer vectors are searched exactly: as fast as the index there, and nothing is missed.
    ///   - candidates: chunks that are scored by their words at most, those with the rarest words of the question first.
    ///   - matchingBelow: when no more documents, nor chunks, match a filter, each of them is compared; else the HNSW index is
    ///     followed until enough of what it finds match. Nil: as many as make the two cost the same.
    package init(
        pool: PostgresPool,
        embedders: [any Embedder],
        reranker: (any Reranker)? = nil,
        questions: QuestionLog? = nil,
        exactBelow: Int = 10_000,
        candidates: Int = 5_000,
        matchingBelow: Int? = nil
    ) {
        self.pool = pool
        models = QueryModels(embedders)
        self.reranker = reranker
        self.questions = questions
        self.exactBelow = exactBelow
        self.candidates = candidates
        self.matchingBelow = matchingBelow
    }

    package init(
        pool: PostgresPool,
        embedder: any Embedder,
        reranker: (any Reranker)? = nil,
        exactBelow: Int = 10_000,
        candidates: Int = 5_000,
        matchingBelow: Int? = nil
    ) {
        self.init(
            pool: pool,
            embedders: [embedder],
            reranker: reranker,
            exactBelow: exactBelow,
            candidates: candidates,
            matchingBelow: matchingBelow
        )
    }

    /// - Throws: `SearchError` for requests that cannot be answered, `InferenceError`, `PostgresError`.
    package func search(_ request: SearchRequest) async throws -> SearchResult {
        let result = try await ask(request)
        questions?.note(request)
        return result
    }

    private func ask(_ request: SearchRequest) async throws -> SearchResult {
        // Whoever names a version, brings a vector of some model, or asks by words alone asks no canary.
        guard request.version == nil, request.vector == nil, request.mode != .bm25 else {
            return try await answer(request)
        }
        let draw = CanaryDraw(request)
        var drawn = request
        drawn.canary = draw
        let start = ContinuousClock.now
        let draft: Draft
        do {
            draft = try await self.draft(drawn)
            if let sight = draw.sight {
                let milliseconds = (ContinuousClock.now - start).inSeconds * 1_000
                await watch.note(sight, pool) { $0.add(milliseconds: milliseconds, isEmpty: draft.places.isEmpty) }
            }
        } catch {
            guard let sight = draw.sight, !(error is CancellationError), !Task.isCancelled else { throw error }
            await watch.note(sight, pool) { $0.addError() }
            // A canary's failure is nobody's: the live version answers.
            guard sight.isCanary else { throw error }
            return try await answer(request)
        }
        // A reranker's failures and its time are no version's.
        return try await finish(draft, drawn)
    }

    /// Reports what was counted of canaries and not yet reported, and writes the questions that are to be kept. Whoever searches calls it
    /// before the process ends; searches that were not reported then do not count.
    package func flush() async {
        await watch.flush(pool)
        await questions?.flush()
    }

    private func answer(_ request: SearchRequest) async throws -> SearchResult {
        try await finish(try await draft(request), request)
    }

    private func draft(_ request: SearchRequest) async throws -> Draft {
        try await answering(request) { transaction, pointer, vector in
            try await self.draft(request, vector, pointer, transaction)
        }
    }

    /// How PostgreSQL would find the nearest vectors: its plan, a line a node. For checks that the index is chosen.
    package func plan(_ request: SearchRequest) async throws -> [String] {
        var request = request
        request.mode = .dense
        return try await answering(request) { transaction, pointer, vector in
            let narrowing = Narrowing(request.filter, request.principals)
            let scope = try await scope(request, narrowing, request.count, pointer, transaction)
            var isExact = request.method == .exact
            if request.method == .automatic {
                let known = try await known(request, pointer, transaction)
                if case .these = scope { isExact = true } else { isExact = known < exactBelow }
            }
            let statement = SearchStatements.nearest(
                pointer,
                vector,
                request.tenant,
                request.count,
                in: scope,
                by: isExact ? .exact : .index
            )
            return try await transaction.query(SearchStatements.explain(statement))
        }
    }

    // MARK: - The frame of every search

    /// What an attempt leads to: an answer, or the wish for a vector of the model that the version turned out to have.
    private enum Attempt<Value: Sendable>: Sendable {
        case done(Value)
        case wants(model: String)
    }

    /// Runs `body` in one snapshot, in the tenant's scope, with the version that answers and the question's vector (empty for a
    /// search by words only, which asks no model). Models are asked outside the transaction.
    private func answering<Value: Sendable>(
        _ request: SearchRequest,
        _ body: (PostgresTransaction, Pointer, [Float]) async throws -> Value
    ) async throws -> Value {
        try request.check()
        guard request.rerank == nil || reranker != nil else {
            throw SearchError(
                code: .noReranker,
                description:
                    "this process has no reranker; set SLUICE_RERANKER to a model's folder or to the address of one"
            )
        }
        var vector = request.vector.map { QueryVector(values: $0, model: nil) }
        if request.mode == .bm25 {
            vector = QueryVector(values: [], model: nil)
        } else if vector == nil, let only = models.only {
            vector = try await models.vector(of: request.text, by: only)
        }
        // A swap between two looks at the registry is rare; many in a row need a reason.
        for _ in 0..<8 {
            do {
                switch try await attempt(request, vector, body) {
                case .done(let value): return value
                case .wants(let model):
                    guard let made = try await models.vector(of: request.text, by: model) else {
                        throw wrongModel(request, model)
                    }
                    vector = made
                }
            } catch let error as PostgresError where error.code == .undefinedTable {
                // The version was retired and dropped in between; where the schema is missing, the pointer is too.
                continue
            }
        }
        throw SearchError(code: .moved, description: "index '\(request.index)' was swapped again and again; ask again")
    }

    private func attempt<Value: Sendable>(
        _ request: SearchRequest,
        _ vector: QueryVector?,
        _ body: (PostgresTransaction, Pointer, [Float]) async throws -> Value
    ) async throws -> Attempt<Value> {
        try await pool.transaction(
            readOnly: true,
            repeatableRead: true,
            settings: settings(request)
        ) { transaction in
            let pointer = try await pointer(request, transaction)
            guard let vector, request.mode == .bm25 || vector.model == nil || vector.model == pointer.model else {
                return .wants(model: pointer.model)
            }
            guard request.mode == .bm25 || vector.values.count == pointer.dimension else {
                throw SearchError(
                    code: .badRequest,
                    description:
                        "index '\(request.index)' has vectors of \(pointer.dimension) numbers, and the one given "
                        + "has \(vector.values.count)"
                )
            }
            if request.mode != .bm25 {
                let effort = SearchEffort.candidates(for: request, vectors: pointer.vectors)
                try await transaction.execute(SearchStatements.search(effort))
            }
            return .done(try await body(transaction, pointer, vector.values))
        }
    }

    private func settings(_ request: SearchRequest) -> [(name: String, value: String)] {
        [
            ("sluice.tenant", request.tenant.rawValue),
            ("hnsw.iterative_scan", "relaxed_order"), ("hnsw.max_scan_tuples", "40000"),
            // What the scan remembers is kept in work_mem; a filter must not end it for want of that.
            ("hnsw.scan_mem_multiplier", "4"),
            // A plan made once for all tenants would be wrong for the large or for the small ones.
            ("plan_cache_mode", "force_custom_plan"),
        ]
    }

    private func pointer(_ request: SearchRequest, _ transaction: PostgresTransaction) async throws -> Pointer {
        let found = try await transaction.query(
            SearchStatements.pointer(
                request.index,
                request.version,
                tenant: request.tenant,
                draw: request.canary,
                models: request.canary == nil ? [] : models.fingerprints
            )
        ).first
        request.canary?.see(
            found.flatMap { found in
                found.canary.map { CanaryDraw.Sight(index: found.index, version: found.version, canary: $0) }
            }
        )
        guard let found else {
            throw if let version = request.version {
                SearchError(
                    code: .noVersion,
                    description: "index '\(request.index)' has no version \(version), or there is no such index"
                )
            } else {
                SearchError(
                    code: .noIndex,
                    description: "there is no index '\(request.index)'; ingest something into it first"
                )
            }
        }
        guard found.element != nil else {
            // The live version's is only ever gone when a swap has made it another since this snapshot.
            guard let version = request.version else { throw PostgresError(.undefinedTable) }
            throw SearchError(
                code: .noVersion,
                description:
                    "version \(version) of index '\(request.index)' has no vectors: it was retired, or not yet built"
            )
        }
        return found
    }

    private func wrongModel(_ request: SearchRequest, _ model: String) -> SearchError {
        let have = models.fingerprints.isEmpty ? "none" : models.fingerprints.joined(separator: " and ")
        return SearchError(
            code: .wrongModel,
            description: "index '\(request.index)' is asked with model \(model), but this process has \(have); point "
                + "SLUICE_MODEL at the index's model"
        )
    }
}
