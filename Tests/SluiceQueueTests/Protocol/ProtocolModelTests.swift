import Testing

@Suite("The lease protocol, every interleaving")
struct ProtocolModelTests {
    /// Two workers and two tasks; and one task that is claimed three times.
    private static func models(_ variant: ProtocolModel.Variant) -> [ProtocolModel] {
        [
            ProtocolModel(variant: variant, grantLimit: 2, incarnations: 2, taskCount: 2),
            ProtocolModel(variant: variant, grantLimit: 3, networkLimit: 2, incarnations: 2, taskCount: 1),
        ]
    }

    @Test("as built, no interleaving completes a task twice, loses one, or lets an old claim write")
    func asBuilt() {
        for model in Self.models(.asBuilt) {
            let report = ProtocolChecker(model: model).run()
            #expect(report.violations == [])
            #expect(report.done > 0, "some run completes everything")
            #expect(report.states > 10_000, "\(report.states) states, \(report.steps) steps")
        }
    }

    @Test(
        "each rule is needed: without it some run breaks the promise, and the checker finds it",
        arguments: [
            (ProtocolModel.Variant.noFence, ProtocolModel.Violation.settledByOldGrant),
            (.noFence, .completedTwice),
            (.attemptFence, .settledByOldGrant),
            (.tokenKept, .tokenNotGreater),
            (.tokenKept, .settledByOldGrant),
            (.lateRenewal, .takenFromLiveLease),
            (.rescueByTimeOnly, .takenFromLiveLease),
            (.noRescue, .lost),
            (.noStrays, .lost),
        ]
    )
    func broken(variant: ProtocolModel.Variant, violation: ProtocolModel.Violation) {
        let found = Self.models(variant).contains { model in
            ProtocolChecker(model: model, stopsAt: violation).run().violations.contains(violation)
        }
        #expect(found, "\(variant) should lead to \(violation)")
    }
}
