internal import SluiceCore
internal import SluicePostgres

extension Searcher {
    /// A question's words, with those exchanged that no chunk has for what they may have been meant for; and which these are.
    ///
    /// With a filter or principals only what chunks of the scope have is known: of others' words nobody learns, neither by a guess nor
    /// by its want.
    func mended(
        _ asked: [AskedTerm],
        _ request: SearchRequest,
        _ scope: Scope,
        _ pointer: Pointer,
        _ transaction: PostgresTransaction
    ) async throws -> (asked: [AskedTerm], respelled: [String: [String]]) {
        func visible(_ terms: [Int64]) async throws -> Set<Int64> {
            // A filter keeps no secrets; and to look for each word among what matches it takes long where much does.
            guard scope.isNarrow, request.principals != nil, !terms.isEmpty else { return Set(terms) }
            return Set(try await transaction.query(LexicalStatements.visible(Array(Set(terms)), in: scope)))
        }
        // Words that very many chunks have are no secret, and the scope may be far behind the first of them.
        let common = asked.filter { $0.frequency >= LexicalStatements.lookedAtMost }.map(\.term)
        let rare = asked.filter { (1..<LexicalStatements.lookedAtMost).contains($0.frequency) }.map(\.term)
        let known = try await visible(rare).union(common)
        guard asked.contains(where: { !known.contains($0.term) }) else { return (asked, [:]) }
        let words = Spelling.words(request.text)
        let unknown = Respelling.unknown(
            words,
            try await transaction.query(WordStatements.terms(words, pointer, request.tenant)),
            asked: Set(asked.map(\.term)),
            known: known
        )
        guard !unknown.isEmpty else { return (asked, [:]) }

        var slips = try await transaction.query(
            WordStatements.known(unknown.flatMap(Spelling.neighbours), pointer, request.tenant)
        )
        var seen = try await visible(slips.map(\.term))
        slips.removeAll { !seen.contains($0.term) }
        var choices = Respelling.choices(unknown, slips)
        let mended = Set(choices.map(\.word))
        let left = unknown.filter { !mended.contains($0) }
        if !left.isEmpty {
            var alike = try await transaction.query(
                WordStatements.alike(left, likeness: Respelling.likeness, pointer, request.tenant)
            )
            seen = try await visible(alike.map(\.term))
            alike.removeAll { !seen.contains($0.term) }
            choices += Respelling.choices(alike)
        }
        let respelled = Dictionary(grouping: choices, by: \.word).mapValues { $0.map(\.instead) }
        return (Respelling.terms(asked, choices), respelled)
    }
}
