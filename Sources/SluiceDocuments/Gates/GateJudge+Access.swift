extension GateJudge {
    /// One hit that may not be found is too many. That nobody finds anything would pass as well: so those who may must.
    func access(_ facts: AccessFacts) -> Gate {
        guard facts.documents > 0 else {
            if facts.isLost {
                return Gate(
                    .access,
                    .inconclusive,
                    "documents name who may find them, but the version has a chunk of none: build it again, or see `missing_chunks`"
                )
            }
            return Gate(.access, .notApplicable, "no document names who may find it")
        }
        let figures = [
            GateFigure("documents", Double(facts.documents)), GateFigure("strangers", Double(facts.strangers)),
            GateFigure("readers", Double(facts.readers)), GateFigure("found", Double(facts.found)),
        ]
        let asked =
            "\(facts.documents) restricted documents, \(facts.strangers) searches as somebody who may not find them, "
            + "\(facts.found) of \(facts.readers) readers found theirs"
        func gate(_ outcome: GateOutcome, _ note: String) -> Gate {
            Gate(.access, outcome, measured: Double(facts.forbidden), threshold: 0, note, figures: figures)
        }
        if facts.forbidden > 0 {
            return gate(.failed, "\(facts.forbidden) hits that the one who asked may not find; " + asked)
        }
        // Texts that stand in many documents alike may crowd a few out.
        if facts.found * 2 < facts.readers {
            return gate(.inconclusive, asked + ": that others do not find them shows nothing")
        }
        return gate(.passed, asked)
    }
}
