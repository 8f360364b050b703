internal import ArgumentParser
internal import SluiceCore
internal import SluiceSearch

/// How the ranking is refined.
struct RefineOptions: ParsableArguments {
    @Option(name: .long, help: "Hybrid by scores instead of ranks: the weight of meaning, 0 to 1; words have the rest.")
    var weight: Double?
    @Option(name: .long, help: "Hits of one document at most.") var perDocument: Int?
    @Option(name: .long, help: "Prefer hits unlike each other: the weight of relevance beside that, 0 to 1.")
    var diversity: Double?
    @Option(name: .long, help: "Prefer what was changed lately: days after which half of that is gone.")
    var halfLife: Double?
    @Option(name: .long, help: "With --half-life: how much it counts beside relevance, 0 to 1.") var recency = 0.3

    @Option(name: .long, help: "Let SLUICE_RERANKER judge this many of the first anew, 1 to 200.") var rerank: Int?

    func apply(to request: inout SearchRequest) {
        if let weight { request.fusion = .weighted(dense: weight) }
        request.perDocument = perDocument
        request.rerank = rerank
        request.diversity = diversity
        if let halfLife { request.recency = Recency(halfLife: halfLife * 86_400, weight: recency) }
    }
}
