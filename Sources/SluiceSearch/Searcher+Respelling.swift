internal import SluiceCore
internal import SluicePostgres

extension Searcher {
    /// A question's words, with those that no chunk has exchanged for what they may have been meant for; and which these are.
    func mended(
        _ asked: [AskedTerm],
        _ request: SearchRequest,
        _ pointer: Pointer,
        _ transaction: PostgresTransaction
    ) async throws -> (asked: [AskedTerm], respelled: [String: [String]]) {
        guard asked.contains(where: { $0.frequency == 0 }) else { return (asked, [:]) }
        let words = Spelling.words(request.text)
        let missing = Set(try await transaction.query(WordStatements.unknown(words, pointer, request.tenant)))
        let unknown = Array(words.filter { missing.contains($0) }.prefix(Respelling.wordsAtMost))
        guard !unknown.isEmpty else { return (asked, [:]) }
        let known = try await transaction.query(
            WordStatements.known(unknown.flatMap(Spelling.neighbours), pointer, request.tenant)
        )
        var choices = Respelling.choices(unknown, known)
        let mended = Set(choices.map(\.word))
        let left = unknown.filter { !mended.contains($0) }
        if !left.isEmpty {
            choices += Respelling.choices(
                try await transaction.query(
                    WordStatements.alike(left, likeness: Respelling.likeness, pointer, request.tenant)
                )
            )
        }
        let respelled = Dictionary(grouping: choices, by: \.word).mapValues { $0.map(\.instead) }
        return (Respelling.terms(asked, choices), respelled)
    }
}
