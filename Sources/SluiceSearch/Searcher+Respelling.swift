internal import SluiceCore
internal import SluicePostgres

extension Searcher {
    /// A question's words, with those exchanged that no chunk has for what they may have been meant for; and which these are.
    ///
    /// With principals only what chunks of the scope have is known: of others' words nobody learns, neither by a guess nor by its
    /// want. A filter keeps no secrets.
    func mended(
        _ asked: [AskedTerm],
        _ request: SearchRequest,
        _ scope: Scope,
        _ pointer: Pointer,
        _ transaction: PostgresTransaction
    ) async throws -> (asked: [AskedTerm], respelled: [String: [String]]) {
        let keepsSecrets = scope.isNarrow && request.principals != nil
        /// Words that very many chunks have are no secret, and the scope may be far behind the first of them.
        func visible(_ terms: [AskedTerm]) async throws -> Set<Int64> {
            let known = terms.filter { $0.frequency > 0 }
            guard keepsSecrets else { return Set(known.map(\.term)) }
            let common = known.filter { $0.frequency >= LexicalStatements.lookedAtMost }.map(\.term)
            let rare = Set(known.map(\.term)).subtracting(common)
            if rare.isEmpty { return Set(common) }
            return Set(try await transaction.query(LexicalStatements.visible(rare.sorted(), in: scope))).union(common)
        }
        let known = try await visible(asked)
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
            let seen = try await visible(likeliest.map(\.asked))
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
                let seen = try await visible(likeliest.map(\.asked))
                alike.removeAll { !seen.contains($0.term) }
            }
            choices += Respelling.choices(alike)
        }
        let respelled = Dictionary(grouping: choices, by: \.word).mapValues { $0.map(\.instead) }
        return (Respelling.terms(asked, choices), respelled)
    }
}
