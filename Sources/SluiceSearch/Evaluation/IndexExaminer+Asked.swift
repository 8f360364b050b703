internal import SluiceCore
internal import SluiceDocuments

extension IndexExaminer {
    /// What readers asked, as the version's model embeds it: up to half of the sample, nothing where too little was kept, or the
    /// process lacks the model. Only of tenants that the version has vectors of.
    func loggedQuestions(
        _ subject: GateSubject,
        _ facts: StructureFacts,
        _ plan: Plan,
        _ thresholds: GateThresholds
    ) async throws -> [Question] {
        guard let asked, let model = models[subject.version.model.fingerprint] else { return [] }
        let tenants = Set(facts.tenants.filter { $0.covered > 0 }.map(\.tenant))
        // Some are of tenants that are gone from the index, some too long.
        let enough = Int(thresholds.loggedQuestions)
        let kept = try await asked.sampleQuestions(of: subject.index, count: max(plan.sample, enough), seed: plan.seed)
            .filter { tenants.contains($0.tenant) }
        guard kept.count >= enough else { return [] }
        let drawn = Array(kept.prefix(plan.sample / 2))
        report("embedding \(drawn.count) questions of readers")
        return zip(drawn, try await embed(drawn.map(\.text), by: model)).compactMap { question, vector in
            vector.map { Question(tenant: question.tenant, chunk: nil, vector: $0) }
        }
    }
}
