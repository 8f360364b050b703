internal import SluiceCore
package import SluiceDocuments
package import SluiceInference

/// Takes the measurements that gates judge, through the same search as readers use.
///
/// Questions are drawn from the corpus itself: chunks by a hash of their number and the seed, tenants by their size; half of them
/// asked as the chunk's own vector with noise, half as one of its sentences. A run with the same seed asks the same questions
/// while nothing changes. Where enough of what readers asked was kept, up to half of the questions are theirs.
package struct IndexExaminer: Sendable {
    let store: any GateStore
    let golden: any GoldenStore
    let asked: (any QuestionStore)?
    let searcher: Searcher
    let models: [String: any Embedder]
    let report: @Sendable (String) -> Void

    /// - Parameters:
    ///   - asked: what readers asked; nil: it is not looked at.
    ///   - searcher: as readers' is: its settings decide what is searched by the index.
    ///   - embedders: the models that this process has.
    ///   - report: told what is being done, for people who wait.
    package init(
        store: any GateStore,
        golden: any GoldenStore,
        asked: (any QuestionStore)? = nil,
        searcher: Searcher,
        embedders: [any Embedder],
        report: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.store = store
        self.golden = golden
        self.asked = asked
        self.searcher = searcher
        models = Dictionary(embedders.map { ($0.model.fingerprint, $0) }) { first, _ in first }
        self.report = report
    }

    /// Hits of every question.
    static let depth = 10
    /// Of noise, as a part of a vector's length: questions are near their chunk, not on it.
    private static let spread: Float = 0.35
    /// Below so many vectors the index is not asked on purpose where readers would not ask it.
    private static let worthAnIndex = 1_000

    package struct Plan: Sendable {
        package var sample: Int
        package var seed: UInt64
        /// The golden set; nil: all of the index's.
        package var goldenSet: String?
        package var asksGolden = true

        package init(sample: Int, seed: UInt64, goldenSet: String? = nil) {
            self.sample = sample
            self.seed = seed
            self.goldenSet = goldenSet
        }
    }

    /// Everything that the gates want.
    ///
    /// - Throws: `PostgresError`, `SearchError`, `InferenceError`: nothing is known of the version then.
    package func measure(_ subject: GateSubject, _ plan: Plan, _ judge: GateJudge) async throws -> GateMeasurements {
        report("looking at every row")
        var measured = GateMeasurements(structure: try await store.structure(subject))
        guard measured.structure.vectors > 0 else { return measured }
        let logged = try await loggedQuestions(subject, measured.structure, plan, judge.thresholds)
        var drawn = plan
        drawn.sample -= logged.count
        let questions = try await questions(subject, measured.structure, drawn, sentences: true) + logged
        report("embedding stored texts anew")
        measured.reembedded = try await reembedded(subject, questions)
        try await ask(subject, questions, &measured)
        // What is too near the threshold to tell is asked of more chunks.
        var round = plan
        while judge.wantsMore(measured), measured.recall.count < plan.sample * 4, !Task.isCancelled {
            round.seed &+= 0x51_7CC1_B727
            let more = try await self.questions(subject, Self.indexed(measured), round, sentences: false)
            if more.isEmpty { break }
            try await ask(subject, more, &measured)
        }
        if plan.asksGolden { try await askGolden(subject, plan.goldenSet, &measured) }
        measured.access = try await access(subject, count: Int(judge.thresholds.accessSamples), seed: plan.seed)
        if !subject.isSameModel, subject.other != nil {
            measured.known = try await knownItems(subject, questions, plan)
        }
        return measured
    }

    /// Only whether the version answers as comparing everything would: asks no model.
    package func measureDrift(_ subject: GateSubject, _ plan: Plan, _ judge: GateJudge) async throws -> GateMeasurements
    {
        var measured = GateMeasurements(structure: try await store.outline(subject))
        guard measured.structure.vectors > 0 else { return measured }
        var round = plan
        repeat {
            let questions = try await questions(
                subject,
                measured.recall.isEmpty ? measured.structure : Self.indexed(measured),
                round,
                sentences: false
            )
            if questions.isEmpty { break }
            try await ask(subject, questions, &measured)
            round.seed &+= 0x51_7CC1_B727
        } while judge.wantsMore(measured) && measured.recall.count < plan.sample * 4 && !Task.isCancelled
        return measured
    }

    /// Only with the tenants that were searched by the index: asking others says nothing of it.
    private static func indexed(_ measured: GateMeasurements) -> StructureFacts {
        let indexed = Set(measured.recall.filter { !$0.isExact }.map(\.tenant))
        var facts = measured.structure
        facts.tenants = facts.tenants.filter { indexed.contains($0.tenant) }
        return facts
    }

    // MARK: - Questions

    struct Question: Sendable {
        let tenant: TenantID
        /// Where it was drawn from; nil of what a reader asked.
        let chunk: SampledChunk?
        /// Of the version's model.
        let vector: [Float]

        var isLogged: Bool { chunk == nil }
    }

    private func questions(
        _ subject: GateSubject,
        _ facts: StructureFacts,
        _ plan: Plan,
        sentences: Bool
    ) async throws -> [Question] {
        var random = SampleGenerator(seed: plan.seed)
        let tenants = facts.tenants.filter { $0.covered > 0 }
        let shares = GateStatistics.shares(of: plan.sample, among: tenants.map(\.covered))
        var drawn: [(chunk: SampledChunk, sentence: String?)] = []
        let model = sentences ? models[subject.version.model.fingerprint] : nil
        for (tenant, share) in zip(tenants, shares) where share > 0 {
            let chunks = try await store.sample(subject, tenant: tenant.tenant, count: share, seed: plan.seed)
            guard !chunks.isEmpty else { continue }
            // A tenant with fewer chunks than questions has each asked several times, with other noise.
            for place in 0..<share {
                let chunk = chunks[place % chunks.count]
                let asksText = model != nil && place % 2 == 1 && place < chunks.count
                drawn.append((chunk, asksText ? SentencePicker.sentence(of: chunk.text, using: &random) : nil))
            }
        }
        let texts = drawn.compactMap(\.sentence)
        var vectors = model == nil ? [] : try await embed(texts, by: model)[...]
        return drawn.compactMap { entry in
            if entry.sentence != nil {
                guard let vector = vectors.popFirst() ?? nil else { return nil }
                return Question(tenant: entry.chunk.tenant, chunk: entry.chunk, vector: vector)
            }
            let vector = random.near(entry.chunk.vector, spread: Self.spread)
            // Nothing is near a zero vector: its gate is another.
            guard vector.contains(where: { $0 != 0 }), vector.allSatisfy(\.isFinite) else { return nil }
            return Question(tenant: entry.chunk.tenant, chunk: entry.chunk, vector: vector)
        }
    }

    /// In small batches; texts that are too long for the model give nil.
    func embed(_ texts: [String], by model: (any Embedder)?) async throws -> [[Float]?] {
        guard let model, !texts.isEmpty else { return texts.map { _ in nil } }
        let counts = try await model.tokenCounts(texts)
        let fitting = texts.indices.filter { counts[$0] <= model.model.maxTokens }
        var result: [[Float]?] = texts.map { _ in nil }
        for start in stride(from: 0, to: fitting.count, by: 32) {
            let places = fitting[start..<min(start + 32, fitting.count)]
            let matrix = try await model.embed(places.map { texts[$0] })
            for (row, place) in places.enumerated() { result[place] = Array(matrix[row]) }
        }
        return result
    }

    private func reembedded(_ subject: GateSubject, _ questions: [Question]) async throws -> Measured<[Double]> {
        let fingerprint = subject.version.model.fingerprint
        guard let model = models[fingerprint] else {
            return .unavailable(
                "this process does not have the model '\(fingerprint)': set SLUICE_MODEL to its directory"
            )
        }
        var seen: Set<ChunkID> = []
        let chunks = questions.compactMap(\.chunk).filter { seen.insert($0.chunk).inserted }.prefix(64)
        let vectors = try await embed(chunks.map(\.text), by: model)
        return .value(
            zip(chunks, vectors).compactMap { chunk, vector in vector.map { Self.cosine(chunk.vector, $0) } }
        )
    }

    /// NaN where one is zero.
    private static func cosine(_ first: [Float], _ second: [Float]) -> Double {
        guard first.count == second.count else { return .nan }
        func product(_ a: [Float], _ b: [Float]) -> Double { zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) } }
        return product(first, second) / (product(first, first) * product(second, second)).squareRoot()
    }

    // MARK: - Asking

    private func request(_ subject: GateSubject, _ version: Int, _ question: Question) -> SearchRequest {
        var request = SearchRequest(
            text: "",
            tenant: question.tenant,
            index: subject.name,
            version: version,
            count: Self.depth,
            mode: .dense
        )
        request.vector = question.vector
        return request
    }

    /// Recall, waits and shared hits, of the version and the other in turns: what slows the machine slows both.
    private func ask(
        _ subject: GateSubject,
        _ questions: [Question],
        _ measured: inout GateMeasurements
    ) async throws {
        let other = subject.other.flatMap { $0.model == subject.version.model ? $0 : nil }
        // The first questions find cold caches; they are asked once before anything is counted.
        for question in questions.prefix(measured.latency.isEmpty ? 10 : 0) {
            _ = try await searcher.search(request(subject, subject.version.number, question))
            if let other { _ = try await searcher.search(request(subject, other.number, question)) }
        }
        for (number, question) in questions.enumerated() {
            if number % 50 == 0 { report("asked \(measured.recall.count) questions") }
            let asked = request(subject, subject.version.number, question)
            let (answer, wait) = try await timed { try await searcher.search(asked) }
            measured.latency.append(wait)
            measured.recall.append(try await recall(answer, asked, isLogged: question.isLogged))
            guard let other else { continue }
            let (theirs, otherWait) = try await timed {
                try await searcher.search(request(subject, other.number, question))
            }
            measured.otherLatency.append(otherWait)
            guard !theirs.hits.isEmpty else { continue }
            guard subject.isSameChunker else {
                measured.overlap.append(Self.sharedPlaces(answer.hits, theirs.hits))
                continue
            }
            // Equally near hits are interchangeable: what is as near as the other's last is shared.
            let last = theirs.hits[theirs.hits.count - 1].score
            let shared = answer.hits.prefix(theirs.hits.count).count { $0.score >= last - Self.tie }
            measured.overlap.append(Double(shared) / Double(theirs.hits.count))
            if question.isLogged { measured.loggedOverlap += 1 }
        }
        if measured.isRecallForced || measured.recall.allSatisfy(\.isExact) {
            try await askIndex(subject, questions, &measured)
        } else if measured.isIndexChosen == nil {
            measured.isIndexChosen = try await isIndexChosen(subject, questions, measured)
        }
        if !subject.isSameModel, let other = subject.other, measured.otherLatency.isEmpty {
            // With its own questions: what a vector of another model would find means nothing, and may not even fit.
            try await time(other, subject, count: measured.latency.count, &measured)
        }
    }

    /// The share of the other version's hits that one of ours answers for, where the two cut documents differently: of the same document,
    /// and at least half of the shorter of both texts.
    static func sharedPlaces(_ own: [SearchHit], _ theirs: [SearchHit]) -> Double {
        let shared = theirs.count { hit in
            own.contains { mine in
                let common = min(mine.charTo, hit.charTo) - max(mine.charFrom, hit.charFrom)
                let shorter = min(mine.charTo - mine.charFrom, hit.charTo - hit.charFrom)
                return mine.document == hit.document && common > 0 && 2 * common >= shorter
            }
        }
        return Double(shared) / Double(theirs.count)
    }

    /// halfvec keeps eleven bits; sums over hundreds of them differ by less.
    private static let tie = 1e-6

    private func recall(_ answer: SearchResult, _ asked: SearchRequest, isLogged: Bool) async throws -> RecallSample {
        var answer = answer
        if answer.trace.fellBack {
            // The index gave up, and comparing everything saved the reader. It is judged by what it found itself.
            var indexed = asked
            indexed.method = .index
            answer = try await searcher.search(indexed)
        }
        var exact = asked
        exact.method = .exact
        let truth = answer.isExact ? answer : try await searcher.search(exact)
        guard let last = truth.hits.last?.score else {
            return RecallSample(
                tenant: asked.tenant,
                right: 0,
                wanted: 0,
                isExact: answer.isExact,
                isLogged: isLogged
            )
        }
        return RecallSample(
            tenant: asked.tenant,
            right: min(truth.hits.count, answer.hits.count { $0.score >= last - Self.tie }),
            wanted: truth.hits.count,
            isExact: answer.isExact,
            isLogged: isLogged
        )
    }

    /// No tenant is large enough yet to be searched by the index. It must be good before one is: the largest tenant is asked
    /// through it, where it holds much of the table (a filter on few rows is not what the graph is for).
    private func askIndex(
        _ subject: GateSubject,
        _ questions: [Question],
        _ measured: inout GateMeasurements
    ) async throws {
        guard let largest = measured.structure.tenants.max(by: { $0.covered < $1.covered }),
            largest.covered >= Self.worthAnIndex,
            largest.covered * 4 >= measured.structure.tenants.reduce(0, { $0 + $1.covered })
        else { return }
        measured.isRecallForced = true
        for question in questions where question.tenant == largest.tenant {
            var asked = request(subject, subject.version.number, question)
            asked.method = .index
            let answer = try await searcher.search(asked)
            let sample = try await recall(answer, asked, isLogged: question.isLogged)
            measured.recall.append(
                RecallSample(
                    tenant: sample.tenant,
                    right: sample.right,
                    wanted: sample.wanted,
                    isExact: false,
                    isLogged: sample.isLogged
                )
            )
        }
    }

    private func isIndexChosen(
        _ subject: GateSubject,
        _ questions: [Question],
        _ measured: GateMeasurements
    ) async throws -> Bool? {
        let indexed = Set(measured.recall.filter { !$0.isExact }.map(\.tenant))
        let largest = measured.structure.tenants.filter { indexed.contains($0.tenant) }.max { $0.covered < $1.covered }
        guard let largest, let question = questions.first(where: { $0.tenant == largest.tenant }) else {
            return nil
        }
        let plan = try await searcher.plan(request(subject, subject.version.number, question))
        return plan.contains { $0.contains("_hnsw") && $0.contains("Index Scan") }
    }

    private func time(
        _ other: GateSubject.Version,
        _ subject: GateSubject,
        count: Int,
        _ measured: inout GateMeasurements
    ) async throws {
        let theirs = GateSubject(
            index: subject.index,
            name: subject.name,
            version: other,
            other: nil,
            epoch: subject.epoch
        )
        let plan = Plan(sample: count, seed: 1)
        let facts = try await store.outline(theirs)
        for (place, question) in try await questions(theirs, facts, plan, sentences: false).enumerated() {
            let (_, wait) = try await timed { try await searcher.search(request(theirs, other.number, question)) }
            if place >= 10 { measured.otherLatency.append(wait) }
        }
    }

    /// With the wait in milliseconds.
    private func timed<Value>(_ body: () async throws -> Value) async throws -> (Value, Double) {
        let start = ContinuousClock.now
        let value = try await body()
        return (value, (ContinuousClock.now - start).inSeconds * 1_000)
    }
}
