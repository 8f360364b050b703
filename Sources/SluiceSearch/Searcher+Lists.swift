internal import SluiceCore
internal import SluicePostgres

extension Searcher {
    /// What one snapshot gave, before anybody judges it anew.
    struct Draft: Sendable {
        let pointer: Pointer
        var entries: [Ranking.Entry]
        let places: [Place]
        /// Of the entries, when their likeness matters.
        let vectors: [ChunkID: [Float]]
        let isExact: Bool
        var trace: SearchTrace
    }

    func draft(
        _ request: SearchRequest,
        _ vector: [Float],
        _ pointer: Pointer,
        _ transaction: PostgresTransaction
    ) async throws -> Draft {
        let narrowing = Narrowing(request.filter, request.principals)
        var trace = SearchTrace()
        let pool = request.pool
        // Fusion wants more of each list than it gives: what is second in both may well be the best.
        let depth = request.mode == .hybrid ? max(pool, fusedDepth) : pool
        let scope = try await scope(request, narrowing, depth, pointer, transaction)
        if case .these(let chunks) = scope { trace.matching = chunks.count }
        var dense: (found: [Found], isExact: Bool, fellBack: Bool) = ([], true, false)
        if request.mode != .bm25 {
            dense = try await nearest(request, vector, depth, scope, pointer, transaction)
            trace.fellBack = dense.fellBack
        }
        if request.explains, request.mode != .bm25 {
            let statement = SearchStatements.nearest(
                pointer,
                vector,
                request.tenant,
                depth,
                in: scope,
                by: dense.isExact ? .exact : .index
            )
            trace.plan = try await transaction.query(SearchStatements.explain(statement))
        }
        var lexical: [Found] = []
        // Where nothing matches there are no words either, and looking for others like them is dear.
        if request.mode != .dense, !scope.isEmpty {
            (lexical, trace.respelled) = try await best(request, depth, scope, pointer, transaction)
        }
        let ranking = Ranking(mode: request.mode, fusion: request.fusion, dense: dense.found, lexical: lexical)
        let entries = ranking.prefix(pool)
        let chunks = entries.map(\.chunk)
        let places = try await transaction.query(SearchStatements.places(chunks, request.tenant, narrowing))
        var vectors: [ChunkID: [Float]] = [:]
        if request.diversity != nil {
            for row in try await transaction.query(SearchStatements.vectors(chunks, pointer, request.tenant)) {
                vectors[row.chunk] = row.vector
            }
        }
        return Draft(
            pointer: pointer,
            entries: entries,
            places: places,
            vectors: vectors,
            isExact: dense.isExact,
            trace: trace
        )
    }

    /// Looks for what matches until it is known to be more than one would compare each of.
    func scope(
        _ request: SearchRequest,
        _ narrowing: Narrowing?,
        _ wanted: Int,
        _ pointer: Pointer,
        _ transaction: PostgresTransaction
    ) async throws -> Scope {
        guard let narrowing else { return .all }
        // Whoever asks by the index is about to measure it.
        if request.method == .index { return .matching(narrowing) }
        let most = matchingBelow ?? MatchingBound.chunks(wanted: wanted, vectors: pointer.vectors)
        let enough = MatchingBound.documents(chunks: most, each: pointer.chunksPerDocument)
        guard
            let documents = try await transaction.query(
                ScopeStatements.documents(narrowing, pointer, request.tenant, limit: enough)
            ).first ?? nil,
            let chunks = try await transaction.query(
                ScopeStatements.chunks(documents, pointer, request.tenant, limit: most)
            ).first ?? nil
        else { return .matching(narrowing) }
        return .these(chunks.map(ChunkID.init(rawValue:)))
    }

    /// How many vectors the tenant has in the version, counted no further than need be.
    func known(
        _ request: SearchRequest,
        _ pointer: Pointer,
        _ transaction: PostgresTransaction
    ) async throws -> Int {
        try await transaction.query(
            SearchStatements.count(
                pointer.version,
                request.tenant,
                cap: max(exactBelow, request.count, fusedDepth)
            )
        ).first ?? 0
    }

    private func nearest(
        _ request: SearchRequest,
        _ vector: [Float],
        _ count: Int,
        _ scope: Scope,
        _ pointer: Pointer,
        _ transaction: PostgresTransaction
    ) async throws -> (found: [Found], isExact: Bool, fellBack: Bool) {
        func list(_ method: SearchStatements.Method) async throws -> [Found] {
            try await transaction.query(
                SearchStatements.nearest(pointer, vector, request.tenant, count, in: scope, by: method)
            )
        }
        switch request.method {
        case .exact: return (try await list(.exact), true, false)
        case .index: return (try await list(.index), false, false)
        case .automatic: break
        }
        if case .these = scope { return (try await list(.exact), true, false) }
        let known = try await known(request, pointer, transaction)
        guard known >= exactBelow else { return (try await list(.exact), true, false) }
        let found = try await list(.index)
        if found.count >= min(count, known) { return (found, false, false) }
        // The index gave up before it had enough of this tenant's, or of those that match.
        return (try await list(.exact), true, true)
    }

    /// With what was asked for instead of words that no chunk of the scope has.
    private func best(
        _ request: SearchRequest,
        _ count: Int,
        _ scope: Scope,
        _ pointer: Pointer,
        _ transaction: PostgresTransaction
    ) async throws -> (found: [Found], respelled: [String: [String]]) {
        let asked = try await transaction.query(LexicalStatements.asked(request.text, pointer, request.tenant))
        let (mended, respelled) = try await mended(asked, request, scope, pointer, transaction)
        return (try await best(of: mended, request, count, scope, pointer, transaction), respelled)
    }

    /// The best chunks that have one of these words.
    private func best(
        of asked: [AskedTerm],
        _ request: SearchRequest,
        _ count: Int,
        _ scope: Scope,
        _ pointer: Pointer,
        _ transaction: PostgresTransaction
    ) async throws -> [Found] {
        guard asked.contains(where: { $0.frequency > 0 }),
            let size = try await transaction.query(LexicalStatements.size(pointer, request.tenant)).first
        else { return [] }
        var plan = TermPlan(asked, chunks: size.chunks, limit: candidates, ranking: ranking)
        // Of what is looked at one by one none may be left out.
        var most = max(candidates, count)
        if case .these(let chunks) = scope { (plan, most) = (plan.unselective, chunks.count) }
        func list(_ plan: TermPlan) async throws -> [Found] {
            try await transaction.query(
                LexicalStatements.best(
                    plan,
                    pointer,
                    meanLength: size.meanLength,
                    ranking,
                    tenant: request.tenant,
                    in: scope,
                    count: count,
                    limit: most
                )
            )
        }
        var found = try await list(plan)
        // Of chunks with the rarest word not all were scored: those that have the next one too must not be among the others.
        if let joint = plan.joint { found = Found.best(count, of: found, try await list(joint)) }
        guard found.count < count, plan.isSelective else { return found }
        // Of the chunks with its rare words too few match, or there are no more: they stay, and others come behind them.
        return Found.best(count, of: found, try await list(plan.unselective))
    }
}
