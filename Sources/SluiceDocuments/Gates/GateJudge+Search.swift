internal import SluiceCore

extension GateJudge {
    /// Slices with fewer questions are reported, not judged.
    static let leastOfSlice = 30
    /// Slices whose figures are kept; all are judged.
    private static let mostFigures = 100

    /// True when more questions may decide what so many did not: for those who sample.
    package func wantsMore(_ measured: GateMeasurements) -> Bool {
        !measured.recall.isEmpty && recall(measured).outcome == .inconclusive
    }

    func recall(_ measured: GateMeasurements) -> Gate {
        let wanted = thresholds.recall
        let samples = measured.recall.filter { !$0.isExact }
        guard !measured.recall.isEmpty else {
            return Gate(.recall, .inconclusive, threshold: wanted, "there was nothing to ask")
        }
        guard !samples.isEmpty else {
            let isRight = measured.recall.allSatisfy { $0.right == $0.wanted }
            return Gate(
                .recall,
                isRight ? .passed : .failed,
                measured: GateStatistics.mean(measured.recall.map(\.recall)),
                threshold: wanted,
                isRight
                    ? Self.source(measured.recall.count, measured.recall.count(where: \.isLogged))
                        + ": every tenant is searched by comparing everything"
                    : "an exact search missed hits"
            )
        }
        let shares = samples.map(\.recall)
        let logged = samples.filter(\.isLogged)
        let depth = samples.map(\.wanted).max() ?? 10
        let mean = GateStatistics.mean(shares)
        let bounds = GateStatistics.wilson(shares: shares, perQuestion: depth)
        var figures = [
            GateFigure("questions", Double(samples.count)), GateFigure("lower", bounds.lowerBound),
            GateFigure("upper", bounds.upperBound),
        ]
        if !logged.isEmpty {
            figures.append(GateFigure("logged_questions", Double(logged.count)))
            figures.append(GateFigure("logged_recall", GateStatistics.mean(logged.map(\.recall))))
        }
        var badSlices: [String] = []
        let tenants = Dictionary(grouping: samples, by: \.tenant).sorted { $0.key < $1.key }
        for (place, (tenant, own)) in tenants.enumerated() {
            let shares = own.map(\.recall)
            if place < Self.mostFigures {
                figures.append(GateFigure("recall", GateStatistics.mean(shares), slice: tenant.rawValue))
                figures.append(GateFigure("questions", Double(own.count), slice: tenant.rawValue))
            }
            if own.count >= Self.leastOfSlice,
                GateStatistics.wilson(shares: shares, perQuestion: depth).upperBound < wanted
            {
                badSlices.append("tenant '\(tenant)' has \(Self.text(GateStatistics.mean(shares)))")
            }
        }
        let interval =
            Self.source(samples.count, logged.count) + ", between \(Self.text(bounds.lowerBound)) and "
            + "\(Self.text(bounds.upperBound)) at 95 % a side"
            + (measured.isRecallForced ? ", index asked on purpose" : "")
        func gate(_ outcome: GateOutcome, _ note: String) -> Gate {
            Gate(.recall, outcome, measured: mean, threshold: wanted, note, figures: figures)
        }
        let isEnough = Double(samples.count) >= thresholds.samples
        if bounds.upperBound < wanted || isEnough && mean < wanted { return gate(.failed, interval) }
        if !badSlices.isEmpty { return gate(.failed, badSlices.joined(separator: ", ") + "; " + interval) }
        if !isEnough { return gate(.inconclusive, interval + ": \(Int(thresholds.samples)) are needed") }
        return bounds.lowerBound < wanted
            ? gate(.inconclusive, interval + ": too near the threshold, ask more (--sample)") : gate(.passed, interval)
    }

    // MARK: - Quality

    func golden(_ measured: GateMeasurements, _ name: GateName) -> Gate {
        let threshold = -thresholds.qualityDrop
        let samples: [QualitySample]
        switch measured.golden {
        case .unavailable(let why): return Gate(name, .inconclusive, threshold: threshold, why)
        case .value(let value): samples = value
        }
        guard !samples.isEmpty else {
            if subject.other == nil || subject.isSameModel && subject.isSameChunker {
                return Gate(
                    name,
                    .notApplicable,
                    "no golden queries; the vectors are those of the live version's model"
                )
            }
            return thresholds.goldenRequired > 0
                ? Gate(
                    name,
                    .inconclusive,
                    threshold: threshold,
                    "no golden queries, and the model or chunker is another than the live version's: workerctl golden import"
                ) : Gate(name, .notApplicable, "no golden queries")
        }
        let metric: (QualitySample.Scores) -> Double = { name == .goldenMRR ? $0.reciprocalRank : $0.ndcg }
        return compared(name, samples, least: Int(thresholds.goldenQueries), drop: thresholds.qualityDrop, metric)
    }

    /// Whether golden queries are wanted at all is said by meaning alone; a set that is there speaks for every way to ask.
    func hybrid(_ measured: GateMeasurements) -> Gate {
        asked(measured.hybrid, .hybridNDCG, drop: thresholds.hybridDrop)
    }

    func lexical(_ measured: GateMeasurements) -> Gate {
        guard subject.other != nil, !subject.isSameChunker else {
            return Gate(
                .lexicalNDCG,
                .notApplicable,
                subject.other == nil
                    ? "there is no other version to compare with"
                    : "its chunks are the live version's, and so are their words"
            )
        }
        return asked(measured.lexical, .lexicalNDCG, drop: thresholds.lexicalDrop)
    }

    private func asked(_ samples: Measured<[QualitySample]>, _ name: GateName, drop: Double) -> Gate {
        switch samples {
        case .unavailable(let why): Gate(name, .inconclusive, threshold: -drop, why)
        case .value(let samples) where samples.isEmpty: Gate(name, .notApplicable, "no golden queries")
        case .value(let samples): compared(name, samples, least: Int(thresholds.goldenQueries), drop: drop, \.ndcg)
        }
    }

    func knownItems(_ measured: GateMeasurements) -> Gate {
        switch measured.known {
        case .unavailable(let why): return Gate(.knownItems, .inconclusive, threshold: -thresholds.qualityDrop, why)
        case .value(let samples):
            guard !samples.isEmpty else {
                // Of another model something must be known: where no text served as a question, golden queries must tell.
                if subject.other != nil, !subject.isSameModel, !hasGolden(measured) {
                    return Gate(
                        .knownItems,
                        .inconclusive,
                        threshold: -thresholds.qualityDrop,
                        "no stored text served as a question to both models, and there are no golden queries: "
                            + "workerctl golden import"
                    )
                }
                return Gate(
                    .knownItems,
                    .notApplicable,
                    "asked only of a version with another model than the live one's"
                )
            }
            return compared(
                .knownItems,
                samples,
                least: min(100, Int(thresholds.samples)),
                drop: thresholds.qualityDrop,
                \.reciprocalRank
            )
        }
    }

    private func hasGolden(_ measured: GateMeasurements) -> Bool {
        guard case .value(let samples) = measured.golden else { return false }
        return samples.count >= Int(thresholds.goldenQueries)
    }

    private func compared(
        _ name: GateName,
        _ samples: [QualitySample],
        least: Int,
        drop: Double,
        _ metric: (QualitySample.Scores) -> Double
    ) -> Gate {
        let own = GateStatistics.mean(samples.map { metric($0.version) })
        var figures = [GateFigure("questions", Double(samples.count)), GateFigure("version", own)]
        let slices = Dictionary(grouping: samples, by: \.slice).sorted { $0.key < $1.key }
        for (slice, part) in slices.prefix(Self.mostFigures) {
            figures.append(GateFigure("version", GateStatistics.mean(part.map { metric($0.version) }), slice: slice))
        }
        guard subject.other != nil, samples.allSatisfy({ $0.other != nil }) else {
            return Gate(
                name,
                .notApplicable,
                measured: own,
                "\(samples.count) questions; there is no other version to compare with",
                figures: figures
            )
        }
        func differences(_ samples: [QualitySample]) -> [Double] {
            samples.map { sample in metric(sample.version) - (sample.other.map(metric) ?? 0) }
        }
        let threshold = -drop
        let difference = GateStatistics.mean(differences(samples))
        figures.append(GateFigure("live", own - difference))
        var bad: [String] = []
        for (place, (slice, part)) in slices.enumerated() {
            let own = differences(part)
            if place < Self.mostFigures {
                figures.append(GateFigure("difference", GateStatistics.mean(own), slice: slice))
            }
            // A slice condemns the whole only when chance does not explain its fall.
            if own.count >= max(Self.leastOfSlice, least), GateStatistics.mean(own) < threshold,
                GateStatistics.upperBound(own) < 0
            {
                bad.append("slice '\(slice)' falls by \(Self.text(-GateStatistics.mean(own)))")
            }
        }
        // Where no question at all would be no hindrance, a few are none either.
        let mayBeFew =
            name != .knownItems && (subject.isSameModel && subject.isSameChunker || thresholds.goldenRequired == 0)
        let text = "\(samples.count) questions: \(Self.text(own)) against \(Self.text(own - difference))"
        // Two versions that both find nothing are equal, and equally unknown.
        if own == 0, difference == 0, samples.count >= least || !mayBeFew {
            return Gate(
                name,
                .inconclusive,
                measured: difference,
                threshold: threshold,
                "neither version finds a right answer to any of \(samples.count) questions: do they name documents of the index?",
                figures: figures
            )
        }
        let outcome: GateOutcome =
            if difference < threshold && GateStatistics.upperBound(differences(samples)) < threshold {
                .failed
            } else if samples.count < least {
                mayBeFew ? .notApplicable : .inconclusive
            } else if difference < threshold || !bad.isEmpty {
                .failed
            } else {
                .passed
            }
        return Gate(
            name,
            outcome,
            measured: difference,
            threshold: threshold,
            bad.joined(separator: ", ") + (bad.isEmpty ? "" : "; ") + text
                + (samples.count < least ? ": \(least) are needed" : ""),
            figures: figures
        )
    }

    // MARK: - Beside the live version

    func overlap(_ measured: GateMeasurements) -> Gate {
        guard subject.other != nil, !measured.overlap.isEmpty else {
            return Gate(.overlap, .notApplicable, "there is no other version to compare with")
        }
        let mean = GateStatistics.mean(measured.overlap)
        let text =
            Self.source(measured.overlap.count, measured.loggedOverlap)
            + " share \(Self.text(mean)) of their hits with the other version"
        guard subject.isSameModel, subject.isSameChunker else {
            return Gate(
                .overlap,
                .notApplicable,
                measured: mean,
                text + "; another model or chunker may well give others"
            )
        }
        return Gate(
            .overlap,
            mean >= thresholds.overlap ? .passed : .failed,
            measured: mean,
            threshold: thresholds.overlap,
            text
        )
    }

    func latency(_ measured: GateMeasurements) -> Gate {
        guard let p95 = GateStatistics.quantile(measured.latency, 0.95), measured.latency.count >= 20 else {
            return Gate(.latency, .inconclusive, threshold: thresholds.p95, "too few searches were timed")
        }
        let live = GateStatistics.quantile(measured.otherLatency, 0.95)
        let limit = min(thresholds.p95, live.map { $0 * thresholds.p95Ratio + 10 } ?? thresholds.p95)
        var figures = [0.5, 0.95, 0.99].map { part in
            GateFigure("p\(Int(part * 100))", GateStatistics.quantile(measured.latency, part) ?? 0)
        }
        for part in [0.5, 0.95, 0.99] {
            guard let value = GateStatistics.quantile(measured.otherLatency, part) else { continue }
            figures.append(GateFigure("live_p\(Int(part * 100))", value))
        }
        return Gate(
            .latency,
            p95 <= limit ? .passed : .failed,
            measured: p95,
            threshold: limit,
            "\(measured.latency.count) searches"
                + (live.map { ", the other version's p95 is \(Self.text($0)) ms" } ?? ""),
            figures: figures
        )
    }

    /// How many questions, and how many of them readers once asked.
    private static func source(_ questions: Int, _ logged: Int) -> String {
        "\(questions) questions" + (logged > 0 ? " (\(logged) of readers)" : "")
    }

    /// Three places.
    static func text(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e12 else { return "?" }
        let scaled = Int((abs(value) * 1_000).rounded())
        let fraction = String(scaled % 1_000)
        return (value < 0 && scaled != 0 ? "-" : "") + "\(scaled / 1_000)."
            + String(repeating: "0", count: 3 - fraction.count) + fraction
    }
}
