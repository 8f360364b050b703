internal import SluiceCore
internal import SluiceDocuments

extension IndexExaminer {
    /// Somebody whom no document names.
    private static let stranger = "sluice.gates/nobody"
    /// Hits of each search: both lists of hybrid search are looked through.
    private static let depthOfAccess = 100

    /// Asks for restricted documents by a chunk's own vector and words, where nothing would come before it: as somebody who may not
    /// find the document, and as somebody who may.
    func access(_ subject: GateSubject, count: Int, seed: UInt64) async throws -> AccessFacts {
        let documents = try await store.restricted(subject, count: count, seed: seed)
        var facts = AccessFacts()
        facts.documents = documents.count
        if documents.isEmpty { facts.isLost = try await store.hasRestricted(subject) }
        var random = SampleGenerator(seed: seed ^ 0xACCE55)
        for (number, document) in documents.enumerated() {
            if number % 20 == 0 { report("asked for \(number) restricted documents") }
            let words = SentencePicker.sentence(of: document.text, using: &random) ?? document.text
            // Whom other documents name is somebody whom the search has to tell apart; nobody at all is the simple case.
            let other = documents.first {
                $0.tenant == document.tenant && !$0.principals.isEmpty
                    && Set($0.principals).isDisjoint(with: document.principals)
            }
            for principals in [[], other?.principals ?? [Self.stranger]] {
                facts.strangers += 1
                facts.forbidden += try await look(subject, document, words, principals).forbidden
            }
            guard let reader = document.principals.first else { continue }
            let found = try await look(subject, document, words, [reader])
            facts.readers += 1
            facts.forbidden += found.forbidden
            if found.isFound { facts.found += 1 }
        }
        return facts
    }

    private func look(
        _ subject: GateSubject,
        _ document: RestrictedDocument,
        _ words: String,
        _ principals: [String]
    ) async throws -> (forbidden: Int, isFound: Bool) {
        var request = SearchRequest(
            text: words,
            tenant: document.tenant,
            index: subject.name,
            version: subject.version.number,
            count: Self.depthOfAccess,
            mode: .hybrid
        )
        request.vector = document.vector
        request.principals = principals
        var hits = try await searcher.search(request).hits
        var hidden = try await store.hidden(hits.map(\.document), from: principals)
        if !hidden.isEmpty {
            // A right may have been taken away in between: then it is gone now.
            hits = try await searcher.search(request).hits
            hidden.formIntersection(try await store.hidden(hits.map(\.document), from: principals))
        }
        return (
            hits.count { hidden.contains($0.document) },
            hits.contains { $0.document == document.document || $0.text == document.text }
        )
    }
}
