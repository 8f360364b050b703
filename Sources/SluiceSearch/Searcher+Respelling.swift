internal import SluiceCore
internal import SluicePostgres

extension Searcher {
    /// A question's words, with those exchanged that no chunk has for what they may have been meant for; and which these are.
    ///
    /// With principals only what chunks of the scope have is known: of others' words nobody learns, neither by a guess nor by its
    /// want, however common they are. A filter keeps no secrets.
    func mended(
        _ asked: [AskedTerm],
        _ request: SearchRequest,
        _ scope: Scope,
        _ pointer: Pointer,
        _ transaction: PostgresTransaction
    ) async throws -> (asked: [AskedTerm], respelled: [String: [String]]) {
        let keepsSecrets = scope.isNarrow && request.principals != nil
        func visible(_ terms: [AskedTerm], most: Int) async throws -> Set<Int64> {
            let known = Set(terms.filter { $0.frequency > 0 }.map(\.term))
            guard keepsSecrets, !known.isEmpty else { return known }
            return try await self.visible(known.sorted(), in: scope, most: most, transaction)
        }
        // As many as are scored of them.
        let known = try await visible(asked, most: candidates)
        guard asked.contains(where: { !known.contains($0.term) }) else { return (asked, [:]) }
        let words = Spelling.words(request.text)
        let unknown = Respelling.unknown(
            words,
            try await transaction.query(WordStatements.terms(words, pointer, request.tenant)),
            asked: Set(asked.map(\.term)),
            known: known
        )
        guard !unknown.isEmpty else { return (asked, [:]) }

        // Hundreds of words may be near, and each look passes over what chunks have it: the likeliest are looked for.
        var slips = try await transaction.query(
            WordStatements.known(unknown.flatMap(Spelling.neighbours), pointer, request.tenant)
        )
        if keepsSecrets {
            let likeliest = Respelling.choices(unknown, slips, most: Respelling.lookedForAtMost)
            let seen = try await visible(likeliest.map(\.asked), most: Respelling.lookedAtMost)
            slips.removeAll { !seen.contains($0.term) }
        }
        var choices = Respelling.choices(unknown, slips)
        let mended = Set(choices.map(\.word))
        let left = unknown.filter { !mended.contains($0) }
        if !left.isEmpty {
            var alike = try await transaction.query(
                WordStatements.alike(left, likeness: Respelling.likeness, pointer, request.tenant)
            )
            if keepsSecrets {
                let likeliest = Respelling.choices(alike, most: Respelling.lookedForAtMost)
                let seen = try await visible(likeliest.map(\.asked), most: Respelling.lookedAtMost)
                alike.removeAll { !seen.contains($0.term) }
            }
            choices += Respelling.choices(alike)
        }
        let respelled = Dictionary(grouping: choices, by: \.word).mapValues { $0.map(\.instead) }
        return (Respelling.terms(asked, choices), respelled)
    }

    /// Those of the words that are known to be in a chunk of the scope.
    private func visible(
        _ terms: [Int64],
        in scope: Scope,
        most: Int,
        _ transaction: PostgresTransaction
    ) async throws -> Set<Int64> {
        switch scope {
        case .all: return Set(terms)
        case .these(let chunks): return Set(try await transaction.query(LexicalStatements.held(terms, by: chunks)))
        case .matching(let narrowing):
            // Most words are in few chunks, or in none of the scope; the planner would rather read the table until it meets the first.
            try await transaction.execute(SearchStatements.readsWholeTables(false))
            let found = try await transaction.query(LexicalStatements.held(terms, among: narrowing, most: most))
            try await transaction.execute(SearchStatements.readsWholeTables(true))
            return Set(found)
        }
    }
}
