import SluiceCore
import SluiceDocuments
import Testing

@Suite("Judging who finds what, and quality by words")
struct GateAccessTests {
    private func gate(
        _ name: GateName,
        subject: GateSubject = Samples.subject(),
        thresholds: GateThresholds = GateThresholds(),
        _ spoil: (inout GateMeasurements) -> Void
    ) throws -> Gate {
        var measured = Samples.good()
        spoil(&measured)
        return try #require(GateJudge(subject, thresholds).gates(measured).first { $0.name == name })
    }

    private func facts(forbidden: Int = 0, readers: Int = 10, found: Int) -> AccessFacts {
        var facts = AccessFacts()
        (facts.documents, facts.strangers, facts.forbidden) = (10, 20, forbidden)
        (facts.readers, facts.found) = (readers, found)
        return facts
    }

    @Test("one forbidden hit fails, whatever else; finding nothing at all shows nothing")
    func access() throws {
        #expect(try gate(.access) { _ in }.outcome == .notApplicable)
        #expect(try gate(.access) { $0.access.isLost = true }.outcome == .inconclusive)
        #expect(try gate(.access) { $0.access = facts(found: 10) }.outcome == .passed)
        #expect(try gate(.access) { $0.access = facts(found: 5) }.outcome == .passed)
        #expect(try gate(.access) { $0.access = facts(found: 4) }.outcome == .inconclusive)
        #expect(
            try gate(.access) { $0.access = facts(readers: 0, found: 0) }.outcome == .passed,
            "nobody may find them"
        )
        let failed = try gate(.access) { $0.access = facts(forbidden: 1, found: 10) }
        #expect(failed.outcome == .failed && failed.measured == 1 && failed.threshold == 0)
        #expect(try gate(.access) { $0.access = facts(forbidden: 1, found: 0) }.outcome == .failed)
    }

    @Test("hybrid search may fall by its own threshold, with as many golden queries as any")
    func hybrid() throws {
        func outcome(_ own: Double, _ live: Double, count: Int = 30, _ thresholds: GateThresholds = .init()) throws
            -> GateOutcome
        {
            try gate(.hybridNDCG, thresholds: thresholds) {
                $0.hybrid = .value(Samples.quality(own, live, count: count))
            }.outcome
        }
        #expect(try gate(.hybridNDCG) { _ in }.outcome == .notApplicable)
        #expect(try outcome(0.49, 0.5) == .passed)
        #expect(try outcome(0.47, 0.5) == .failed)
        #expect(try outcome(0.47, 0.5, count: 3) == .failed, "all fall alike: chance is no explanation")
        #expect(try outcome(0.5, 0.5, count: 3) == .notApplicable, "too few, and the vectors are the live one's")
        var thresholds = GateThresholds()
        #expect(thresholds.set("hybrid_drop", to: 0.05) == nil)
        #expect(try outcome(0.47, 0.5, thresholds) == .passed)
        #expect(try gate(.hybridNDCG) { $0.hybrid = .unavailable("no model") }.outcome == .inconclusive)
        let alone = try gate(.hybridNDCG, subject: Samples.subject(model: nil)) {
            $0.hybrid = .value(Samples.quality(0.5, nil, count: 30))
        }
        #expect(alone.outcome == .notApplicable && alone.measured == 0.5)
    }

    @Test("words are judged only where a version has chunks of its own")
    func lexical() throws {
        let fallen: (inout GateMeasurements) -> Void = { $0.lexical = .value(Samples.quality(0.4, 0.5, count: 30)) }
        #expect(try gate(.lexicalNDCG, fallen).outcome == .notApplicable)
        #expect(try gate(.lexicalNDCG, subject: Samples.subject(model: nil), fallen).outcome == .notApplicable)
        let recut = Samples.subject(chunker: "c2")
        #expect(try gate(.lexicalNDCG, subject: recut, fallen).outcome == .failed)
        var thresholds = GateThresholds()
        #expect(thresholds.set("lexical_drop", to: 0.2) == nil)
        #expect(try gate(.lexicalNDCG, subject: recut, thresholds: thresholds, fallen).outcome == .passed)
        #expect(
            try gate(.lexicalNDCG, subject: recut) { $0.lexical = .value(Samples.quality(0.5, 0.5, count: 3)) }.outcome
                == .inconclusive,
            "too few, and the chunks are others"
        )
    }
}
