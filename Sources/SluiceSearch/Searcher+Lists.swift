internal import SluiceCore
internal import SluicePostgres

extension Searcher {
    func answer(
        _ request: SearchRequest,
        _ vector: [Float],
        _ pointer: Pointer,
        _ transaction: PostgresTransaction
    ) async throws -> SearchResult {
        // Fusion wants more of each list than it gives: what is second in both may well be the best.
        let depth = request.mode == .hybrid ? max(request.count, fusedDepth) : request.count
        var dense: (found: [Found], isExact: Bool) = ([], true)
        if request.mode != .bm25 {
            dense = try await nearest(request, vector, depth, pointer, transaction)
        }
        var lexical: [Found] = []
        if request.mode != .dense {
            lexical = try await best(request, depth, pointer, transaction)
        }
        let ranking = Ranking(mode: request.mode, dense: dense.found, lexical: lexical).prefix(request.count)
        let places = try await transaction.query(SearchStatements.places(ranking.map(\.chunk), request.tenant))
        return SearchResult(
            index: request.index,
            version: pointer.number,
            epoch: pointer.epoch,
            hits: Ranking.hits(ranking, places),
            mode: request.mode,
            isExact: dense.isExact
        )
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
        _ pointer: Pointer,
        _ transaction: PostgresTransaction
    ) async throws -> (found: [Found], isExact: Bool) {
        func list(_ method: SearchStatements.Method) async throws -> [Found] {
            try await transaction.query(SearchStatements.nearest(pointer, vector, request.tenant, count, by: method))
        }
        switch request.method {
        case .exact: return (try await list(.exact), true)
        case .index: return (try await list(.index), false)
        case .automatic: break
        }
        let known = try await known(request, pointer, transaction)
        if known >= exactBelow {
            let found = try await list(.index)
            if found.count >= min(count, known) { return (found, false) }
            // The index gave up before it had enough of this tenant's.
        }
        return (try await list(.exact), true)
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
}
