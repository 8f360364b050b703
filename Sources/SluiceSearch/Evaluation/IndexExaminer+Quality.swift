internal import SluiceCore
internal import SluiceDocuments
internal import SluiceInference

extension IndexExaminer {
    /// Golden queries by meaning alone, since words that are found alike in every version would hide what a version has lost; by
    /// both, as readers ask; and by words alone where the version has chunks of its own.
    func askGolden(_ subject: GateSubject, _ set: String?, _ measured: inout GateMeasurements) async throws {
        let queries = try await golden.golden(of: subject.index, set: set)
        guard !queries.isEmpty else { return }
        let asked = try await both(subject, queries.map(\.text))
        let vectors: [(own: [Float], other: [Float]?)?]
        switch asked {
        case .unavailable(let why):
            measured.golden = .unavailable(why)
            measured.hybrid = .unavailable(why)
            measured.lexical = .unavailable(why)
            return
        case .value(let value): vectors = value
        }
        let asksWords = subject.other != nil && !subject.isSameChunker
        var samples: [SearchMode: [QualitySample]] = [:]
        for (number, (query, vector)) in zip(queries, vectors).enumerated() {
            if number % 50 == 0 { report("asked \(number) golden queries") }
            guard let vector else { continue }
            func scores(_ version: Int, _ vector: [Float], _ mode: SearchMode) async throws -> QualitySample.Scores {
                // Chunks of one document may fill the first ten many times over.
                let hits = try await search(
                    query.text,
                    query.tenant,
                    subject,
                    version,
                    vector,
                    query.isOfPages ? 10 : 100,
                    mode
                )
                let answers = GoldenRanking.answers(
                    hits.map { hit in
                        (hit.uri, hit.pageFrom.flatMap { from in hit.pageTo.map { from...max(from, $0) } })
                    },
                    to: query
                )
                let grades = GoldenRanking.grades(query)
                return QualitySample.Scores(
                    ndcg: RetrievalMetrics.ndcg(answers, grades, at: 10),
                    reciprocalRank: RetrievalMetrics.reciprocalRank(answers, Set(grades.keys), at: 10)
                )
            }
            for mode in SearchMode.allCases where mode != .bm25 || asksWords {
                let own = try await scores(subject.version.number, vector.own, mode)
                var theirs: QualitySample.Scores?
                if let other = subject.other, let vector = vector.other {
                    theirs = try await scores(other.number, vector, mode)
                }
                samples[mode, default: []].append(
                    QualitySample(
                        slice: query.slice.isEmpty ? "tenant \(query.tenant)" : query.slice,
                        version: own,
                        other: theirs
                    )
                )
            }
        }
        measured.golden = .value(samples[.dense] ?? [])
        measured.hybrid = .value(samples[.hybrid] ?? [])
        measured.lexical = .value(samples[.bm25] ?? [])
    }

    /// Sentences of sampled chunks, asked of both versions: the chunk's own document is the right answer.
    func knownItems(_ subject: GateSubject, _ questions: [Question], _ plan: Plan) async throws -> Measured<
        [QualitySample]
    > {
        var random = SampleGenerator(seed: plan.seed ^ 0xA5A5)
        var seen: Set<String> = []
        let items = questions.compactMap { question -> (chunk: SampledChunk, text: String)? in
            guard let chunk = question.chunk, let text = SentencePicker.sentence(of: chunk.text, using: &random),
                seen.insert(text).inserted
            else { return nil }
            return (chunk, text)
        }
        let vectors: [(own: [Float], other: [Float]?)?]
        switch try await both(subject, items.map(\.text)) {
        case .unavailable(let why): return .unavailable(why)
        case .value(let value): vectors = value
        }
        var samples: [QualitySample] = []
        for (number, (item, vector)) in zip(items, vectors).enumerated() {
            if number % 50 == 0 { report("looked for \(number) known items") }
            guard let vector, let other = subject.other, let theirs = vector.other else { continue }
            func scores(_ version: Int, _ vector: [Float]) async throws -> QualitySample.Scores {
                let hits = try await search(item.text, item.chunk.tenant, subject, version, vector, 10)
                // Texts that stand in the corpus several times are each a right answer.
                let place = hits.firstIndex { $0.text.contains(item.text) || $0.chunk == item.chunk.chunk }
                let rank = place.map { 1 / Double($0 + 1) } ?? 0
                return QualitySample.Scores(ndcg: rank, reciprocalRank: rank)
            }
            samples.append(
                QualitySample(
                    slice: "tenant \(item.chunk.tenant)",
                    version: try await scores(subject.version.number, vector.own),
                    other: try await scores(other.number, theirs)
                )
            )
        }
        return .value(samples)
    }

    private func search(
        _ text: String,
        _ tenant: TenantID,
        _ subject: GateSubject,
        _ version: Int,
        _ vector: [Float],
        _ count: Int,
        _ mode: SearchMode = .dense
    ) async throws -> [SearchHit] {
        var request = SearchRequest(
            text: text,
            tenant: tenant,
            index: subject.name,
            version: version,
            count: count,
            mode: mode
        )
        if mode != .bm25 { request.vector = vector }
        return try await searcher.search(request).hits
    }

    /// The texts as the version's model and the other's embed them; nil for texts too long for one of them.
    private func both(_ subject: GateSubject, _ texts: [String]) async throws -> Measured<
        [(own: [Float], other: [Float]?)?]
    > {
        for fingerprint in [subject.version.model.fingerprint, subject.other?.model.fingerprint].compactMap({ $0 })
        where models[fingerprint] == nil {
            return .unavailable("questions need the model '\(fingerprint)', which this process does not have")
        }
        let own = try await embed(texts, by: models[subject.version.model.fingerprint])
        guard let other = subject.other else { return .value(own.map { $0.map { ($0, nil) } }) }
        let theirs = subject.isSameModel ? own : try await embed(texts, by: models[other.model.fingerprint])
        return .value(
            zip(own, theirs).map { own, theirs in
                guard let own, let theirs else { return nil }
                return (own, theirs)
            }
        )
    }
}
