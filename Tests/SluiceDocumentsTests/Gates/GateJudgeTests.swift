import SluiceCore
import SluiceDocuments
import Testing

/// Measurements of a version without fault, for tests to spoil.
enum Samples {
    static let acme = TenantID(trusted: "acme")
    static let model = ModelIdentity(fingerprint: "m1", dimension: 8)

    static func version(_ number: Int, model: ModelIdentity = model, chunker: String = "c") -> GateSubject.Version {
        .init(id: IndexVersionID(rawValue: Int64(number)), number: number, model: model, chunker: chunker)
    }

    static func subject(model other: ModelIdentity? = model, chunker: String = "c") -> GateSubject {
        GateSubject(
            index: IndexID(rawValue: 1),
            name: .default,
            version: version(2, chunker: chunker),
            other: other.map { version(1, model: $0) },
            epoch: 3
        )
    }

    static func good(hits: Int = 10, questions: Int = 200) -> GateMeasurements {
        var measured = GateMeasurements(
            structure: StructureFacts(
                seesAllTenants: true,
                tenants: [
                    .init(tenant: acme, chunks: 900, covered: 900), .init(tenant: .default, chunks: 100, covered: 100),
                ],
                vectors: 1_000,
                strays: 0,
                unsound: 0,
                cacheCompared: 500,
                cacheDiffering: 0,
                isIndexValid: true
            )
        )
        measured.reembedded = .value([0.999, 1])
        measured.isIndexChosen = true
        measured.recall = (0..<questions).map { _ in .init(tenant: acme, right: hits, wanted: 10, isExact: false) }
        measured.overlap = [1, 0.9, 1]
        measured.latency = (1...100).map(Double.init)
        measured.otherLatency = (1...100).map(Double.init)
        return measured
    }

    static func quality(_ own: Double, _ other: Double?, count: Int, slice: String = "a") -> [QualitySample] {
        (0..<count).map { _ in
            QualitySample(
                slice: slice,
                version: .init(ndcg: own, reciprocalRank: own),
                other: other.map { .init(ndcg: $0, reciprocalRank: $0) }
            )
        }
    }
}

@Suite("Judging what gates measured")
struct GateJudgeTests {
    private func outcome(
        _ name: GateName,
        _ measured: GateMeasurements,
        subject: GateSubject = Samples.subject(),
        thresholds: GateThresholds = GateThresholds()
    ) throws -> GateOutcome {
        let gates = GateJudge(subject, thresholds).gates(measured)
        return try #require(gates.first { $0.name == name }).outcome
    }

    @Test("a version without fault passes, and every gate is there once, in order")
    func good() {
        let gates = GateJudge(Samples.subject(), GateThresholds()).gates(Samples.good())
        #expect(gates.map(\.name) == GateName.allCases)
        #expect(GateVerdict(of: gates) == .go, "\(gates.filter { $0.outcome != .passed })")
    }

    @Test("each fault of the rows fails its own gate, and the whole")
    func faults() throws {
        let faults: [(GateName, @Sendable (inout GateMeasurements) -> Void)] = [
            (.missingChunks, { $0.structure.tenants[0] = .init(tenant: Samples.acme, chunks: 900, covered: 899) }),
            (.tenantCoverage, { $0.structure.tenants[1] = .init(tenant: .default, chunks: 100, covered: 0) }),
            (.strayVectors, { $0.structure.strays = 1 }), (.soundVectors, { $0.structure.unsound = 1 }),
            (.cachedVectors, { $0.structure.cacheDiffering = 1 }),
            (.reembedding, { $0.reembedded = .value([1, 0.9]) }),
            (.reembedding, { $0.reembedded = .value([1, .nan]) }), (.indexValid, { $0.structure.isIndexValid = false }),
            (.indexValid, { $0.structure.isIndexValid = nil }), (.indexChosen, { $0.isIndexChosen = false }),
            (.recall, { $0.recall = Samples.good(hits: 9).recall }), (.overlap, { $0.overlap = [0.8] }),
            (.latency, { $0.latency = (1...100).map { Double($0) * 4 } }),
            (.goldenNDCG, { $0.golden = .value(Samples.quality(0.5, 0.53, count: 30)) }),
            (.goldenMRR, { $0.golden = .value(Samples.quality(0.5, 0.53, count: 30)) }),
        ]
        for (name, spoil) in faults {
            var measured = Samples.good()
            spoil(&measured)
            let gates = GateJudge(Samples.subject(), GateThresholds()).gates(measured)
            #expect(gates.first { $0.name == name }?.outcome == .failed, "\(name)")
            #expect(GateVerdict(of: gates) == .noGo, "\(name)")
        }
    }

    @Test("what was not measured is inconclusive, never a pass")
    func unmeasured() throws {
        let gaps: [(GateName, @Sendable (inout GateMeasurements) -> Void)] = [
            (.scope, { $0.structure.seesAllTenants = false }), (.tenantCoverage, { $0.structure.tenants = [] }),
            (.reembedding, { $0.reembedded = .unavailable("no model") }),
            (.reembedding, { $0.reembedded = .value([]) }),
            (.recall, { $0.recall = [] }), (.recall, { $0.recall = Samples.good(questions: 199).recall }),
            (.latency, { $0.latency = [1] }), (.goldenNDCG, { $0.golden = .unavailable("no model") }),
            (.knownItems, { $0.known = .unavailable("no model") }),
            (.goldenNDCG, { $0.golden = .value(Samples.quality(0, 0, count: 50)) }),
        ]
        for (name, spoil) in gaps {
            var measured = Samples.good()
            spoil(&measured)
            let gates = GateJudge(Samples.subject(), GateThresholds()).gates(measured)
            #expect(gates.first { $0.name == name }?.outcome == .inconclusive, "\(name)")
            #expect(GateVerdict(of: gates) == .inconclusive, "\(name)")
            #expect(!GateVerdict(of: gates).passes)
        }
        #expect(GateVerdict(of: []) == .inconclusive)
    }

    @Test("another model wants golden queries, unless told otherwise, and known items")
    func anotherModel() throws {
        let other = Samples.subject(model: ModelIdentity(fingerprint: "m0", dimension: 8))
        var measured = Samples.good()
        #expect(try outcome(.goldenNDCG, measured, subject: other) == .inconclusive)
        #expect(try outcome(.goldenNDCG, measured, subject: Samples.subject(chunker: "d")) == .inconclusive)
        var thresholds = GateThresholds()
        #expect(thresholds.set("golden_required", to: 0) == nil)
        #expect(try outcome(.goldenNDCG, measured, subject: other, thresholds: thresholds) == .notApplicable)
        #expect(try outcome(.goldenNDCG, measured, subject: Samples.subject(model: nil)) == .notApplicable)
        measured.golden = .value(Samples.quality(0.5, 0.5, count: 29))
        #expect(try outcome(.goldenMRR, measured, subject: other) == .inconclusive)
        #expect(try outcome(.goldenMRR, measured) == .notApplicable, "the live version's own vectors")
        measured.golden = .value(Samples.quality(0.1, 0.9, count: 29))
        #expect(try outcome(.goldenMRR, measured) == .failed, "few, but beyond doubt")
        measured.golden = .value(Samples.quality(0.5, 0.519, count: 30))
        #expect(try outcome(.goldenNDCG, measured, subject: other) == .passed)
        // Shared hits say nothing of another model.
        measured.overlap = [0.1]
        #expect(try outcome(.overlap, measured, subject: other) == .notApplicable)
        measured.known = .value(Samples.quality(0.5, 0.9, count: 100))
        #expect(try outcome(.knownItems, measured, subject: other) == .failed)
        // Nothing could be asked: golden queries tell, or nobody does.
        measured.known = .value([])
        #expect(try outcome(.knownItems, measured, subject: other) == .notApplicable)
        #expect(try outcome(.knownItems, measured) == .notApplicable)
        measured.golden = .value([])
        #expect(try outcome(.knownItems, measured, subject: other, thresholds: thresholds) == .inconclusive)
        // Whoever wants none is not held up by a few.
        measured.golden = .value(Samples.quality(0.5, 0.5, count: 29))
        #expect(try outcome(.goldenMRR, measured, subject: other, thresholds: thresholds) == .notApplicable)
    }

    @Test("a slice or tenant beyond those whose figures are kept is judged all the same")
    func manySlices() throws {
        var measured = Samples.good()
        measured.golden = .value(
            (0..<150).flatMap { Samples.quality(0.9, 0.85, count: 30, slice: "s\(1_000 + $0)") }
                + Samples.quality(0.1, 0.9, count: 30, slice: "z")
        )
        #expect(try outcome(.goldenNDCG, measured) == .failed)
        let gate = try #require(
            GateJudge(Samples.subject(), GateThresholds()).gates(measured).first { $0.name == .goldenNDCG }
        )
        #expect(gate.note.contains("'z'") && gate.figures.count < 300)
        measured = Samples.good()
        measured.recall = (0..<150).flatMap { number in
            (0..<30).map { _ in
                RecallSample(tenant: TenantID(trusted: "t\(1_000 + number)"), right: 10, wanted: 10, isExact: false)
            }
        }
        measured.recall += (0..<30).map { _ in
            RecallSample(tenant: TenantID(trusted: "z"), right: 5, wanted: 10, isExact: false)
        }
        #expect(try outcome(.recall, measured) == .failed)
    }

    @Test("a slice that falls condemns the whole, where chance does not explain it")
    func slices() throws {
        var measured = Samples.good()
        measured.golden = .value(
            Samples.quality(0.9, 0.85, count: 300) + Samples.quality(0.5, 0.6, count: 30, slice: "b")
        )
        #expect(try outcome(.goldenNDCG, measured) == .failed)
        measured.golden = .value(
            Samples.quality(0.9, 0.85, count: 300) + Samples.quality(0.5, 0.6, count: 29, slice: "b")
        )
        #expect(try outcome(.goldenNDCG, measured) == .passed)
        // Recall of one tenant, however good the others.
        measured.recall +=
            (0..<2_000).map { _ in .init(tenant: Samples.acme, right: 10, wanted: 10, isExact: false) }
            + (0..<30).map { _ in .init(tenant: .default, right: 7, wanted: 10, isExact: false) }
        #expect(try outcome(.recall, measured) == .failed)
    }

    @Test("recall near the threshold wants more questions; far below it few are enough")
    func recall() throws {
        let judge = GateJudge(Samples.subject(), GateThresholds())
        var measured = Samples.good()
        measured.recall = (0..<200).map {
            .init(tenant: Samples.acme, right: $0 % 5 < 2 ? 9 : 10, wanted: 10, isExact: false)
        }
        #expect(try outcome(.recall, measured) == .passed, "0.96, evenly spread")
        measured.recall = (0..<200).map {
            .init(tenant: Samples.acme, right: $0 % 25 == 0 ? 0 : 10, wanted: 10, isExact: false)
        }
        #expect(try outcome(.recall, measured) == .inconclusive, "0.96, all of it in few questions")
        #expect(judge.wantsMore(measured))
        measured.recall = Array(Samples.good(hits: 5, questions: 20).recall)
        #expect(try outcome(.recall, measured) == .failed)
        #expect(!judge.wantsMore(measured))
        measured.recall = (0..<5).map { _ in .init(tenant: Samples.acme, right: 10, wanted: 10, isExact: true) }
        #expect(try outcome(.recall, measured) == .passed, "exact search needs no sample")
    }

    @Test("whatever is measured, a pass never comes of a worse number")
    func monotonic() {
        var random = SampleGenerator(seed: 4)
        for _ in 0..<500 {
            var measured = Samples.good()
            measured.recall = (0..<Int.random(in: 1...400, using: &random)).map { _ in
                .init(tenant: Samples.acme, right: Int.random(in: 8...10, using: &random), wanted: 10, isExact: false)
            }
            measured.golden = .value(
                (0..<Int.random(in: 1...80, using: &random)).flatMap { _ in
                    Samples.quality(.random(in: 0...1, using: &random), .random(in: 0...1, using: &random), count: 1)
                }
            )
            let judge = GateJudge(Samples.subject(), GateThresholds())
            let before = judge.gates(measured)
            var worse = measured
            worse.recall = measured.recall.map {
                .init(tenant: $0.tenant, right: max(0, $0.right - 1), wanted: 10, isExact: false)
            }
            worse.structure.unsound += 1
            let after = judge.gates(worse)
            for (one, two) in zip(before, after) where one.outcome == .failed {
                #expect(two.outcome == .failed, "\(one.name)")
            }
            #expect(!GateVerdict(of: after).passes)
            for gate in before where gate.outcome == .passed {
                if let measured = gate.measured, let threshold = gate.threshold {
                    let isAtMost = [.latency, .missingChunks, .strayVectors, .soundVectors, .cachedVectors]
                        .contains(gate.name)
                    #expect(isAtMost ? measured <= threshold : measured >= threshold, "\(gate)")
                }
            }
        }
    }

    @Test("thresholds are set by name, within their range, and only what differs is stored")
    func thresholds() {
        var thresholds = GateThresholds()
        #expect(thresholds.changed.isEmpty)
        for field in GateThresholds.fields {
            #expect(thresholds.set(field.name, to: field.range.upperBound) == nil)
            #expect(thresholds.set(field.name, to: field.range.upperBound * 2 + 1) != nil)
            #expect(thresholds.set(field.name, to: .nan) != nil)
        }
        #expect(Set(thresholds.changed.map(\.name)).isSubset(of: GateThresholds.fields.map(\.name)))
        #expect(thresholds.set("recal", to: 1)?.contains("recall") == true)
        let stored = thresholds.changed
        var again = GateThresholds()
        for (name, value) in stored { #expect(again.set(name, to: value) == nil) }
        #expect(again == thresholds)
    }
}
