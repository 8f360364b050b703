internal import SluiceCore
internal import SluiceDocuments
package import SluiceSearch

/// A run of the gates as one HTML page that needs nothing else: no script, no image, no request.
package struct EvaluationPage {
    private let run: Examination
    /// When it ran, as people read it.
    private let at: String

    package init(_ run: Examination, at: String) {
        self.run = run
        self.at = at
    }

    /// At most this many tenants or slices in a chart.
    private static let slices = 20

    package func html() -> String {
        let other = run.subject.other.map { "version \($0.number)" } ?? "no other version"
        let title = "Index \(run.subject.name), version \(run.subject.version.number)"
        let charts = [recall(), recallHistogram(), latency(), quality(), overlap()].compactMap(\.self)
        return """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(HTML.escaped(title)): \(verdict)</title><style>\(Self.style)</style></head><body>
            <h1>\(HTML.escaped(title)) <span class="\(run.verdict.rawValue)">\(verdict)</span></h1>
            <p>Compared with \(HTML.escaped(other)). Run \(run.run) of \(HTML.escaped(at)),
            \(HTML.number(run.duration.inSeconds, 1)) s, seed \(run.seed), epoch \(run.subject.epoch).<br>
            Model <code>\(HTML.escaped(run.subject.version.model.fingerprint))</code>,
            chunker <code>\(HTML.escaped(run.subject.version.chunker))</code>,
            \(run.measurements.structure.vectors) vectors of \(run.measurements.structure.tenants.count) tenants.</p>
            \(table())
            <div class="charts">\(charts.joined(separator: "\n"))</div>
            </body></html>

            """
    }

    private var verdict: String {
        switch run.verdict {
        case .go: "GO"
        case .noGo: "NO-GO"
        case .inconclusive: "INCONCLUSIVE"
        }
    }

    private func table() -> String {
        let rows = run.gates.map { gate in
            "<tr class=\"\(gate.outcome.rawValue)\"><td>\(gate.name.rawValue)</td><td>\(gate.outcome.rawValue)</td>"
                + "<td class=\"n\">\(gate.measured.map { HTML.number($0, 3) } ?? "")</td>"
                + "<td class=\"n\">\(gate.threshold.map { HTML.number($0, 3) } ?? "")</td>"
                + "<td>\(HTML.escaped(gate.note))</td></tr>"
        }
        return
            "<table><thead><tr><th>gate</th><th>outcome</th><th>measured</th><th>threshold</th><th>what was found</th>"
            + "</tr></thead><tbody>\(rows.joined(separator: "\n"))</tbody></table>"
    }

    // MARK: - Charts

    private func gate(_ name: GateName) -> Gate? { run.gates.first { $0.name == name } }

    private func figure(_ gate: Gate?, _ name: String, slice: String? = nil) -> Double? {
        gate?.figures.first { $0.name == name && $0.slice == slice }?.value
    }

    private func recall() -> String? {
        guard let gate = gate(.recall), let all = gate.measured else { return nil }
        let slices = gate.figures.filter { $0.name == "recall" && $0.slice != nil }.prefix(Self.slices)
        return BarChart(
            title: "Recall of ten against comparing everything, by tenant",
            series: ["recall"],
            groups: [.init(label: "all", values: [all])]
                + slices.map { .init(label: $0.slice ?? "", values: [$0.value]) },
            top: 1,
            line: gate.threshold
        ).svg()
    }

    private func recallHistogram() -> String? {
        let samples = run.measurements.recall.filter { !$0.isExact }
        return samples.isEmpty ? nil : histogram("Questions by how much of their ten was found", samples.map(\.recall))
    }

    private func overlap() -> String? {
        let values = run.measurements.overlap
        return values.isEmpty ? nil : histogram("Questions by hits shared with the other version", values)
    }

    /// Shares 0...1 in tenths, the last for 1 alone.
    private func histogram(_ title: String, _ values: [Double]) -> String {
        var counts = [Double](repeating: 0, count: 11)
        for value in values where value.isFinite { counts[min(10, max(0, Int(value * 10 + 1e-9)))] += 1 }
        return BarChart(
            title: title,
            series: ["questions"],
            groups: counts.enumerated().map {
                .init(label: HTML.number(Double($0.offset) / 10, 1), values: [$0.element])
            },
            places: 0
        ).svg()
    }

    private func latency() -> String? {
        guard let gate = gate(.latency), !run.measurements.latency.isEmpty else { return nil }
        return BarChart(
            title: "Milliseconds of a search for ten",
            series: run.measurements.otherLatency.isEmpty ? ["version"] : ["version", "other"],
            groups: ["p50", "p95", "p99"].map { name in
                let own = figure(gate, name)
                let theirs = figure(gate, "live_" + name)
                return .init(label: name, values: run.measurements.otherLatency.isEmpty ? [own] : [own, theirs])
            },
            places: 1
        ).svg()
    }

    private func quality() -> String? {
        let named = [
            (GateName.goldenNDCG, "nDCG@10"), (.goldenMRR, "MRR@10"), (.hybridNDCG, "hybrid nDCG"),
            (.lexicalNDCG, "nDCG by words"), (.knownItems, "known items"),
        ]
        var groups: [BarChart.Group] = []
        for (name, label) in named {
            guard let gate = gate(name), let own = figure(gate, "version") else { continue }
            groups.append(.init(label: label, values: [own, figure(gate, "live")]))
            guard name == .goldenNDCG else { continue }
            for slice in gate.figures.filter({ $0.name == "version" && $0.slice != nil }).prefix(Self.slices) {
                let difference = figure(gate, "difference", slice: slice.slice)
                groups.append(
                    .init(label: slice.slice ?? "", values: [slice.value, difference.map { slice.value - $0 }])
                )
            }
        }
        return groups.isEmpty
            ? nil
            : BarChart(title: "Questions with known answers", series: ["version", "other"], groups: groups, top: 1)
                .svg()
    }

    private static let style = """
        body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:1100px;padding:0 1rem;color:#1a202c}
        h1{font-size:1.5rem}h1 span{font-size:1rem;padding:.15em .6em;border-radius:.3em;color:#fff;vertical-align:middle}
        .go{background:#2f855a}.no_go{background:#c53030}.inconclusive{background:#b7791f}
        table{border-collapse:collapse;width:100%}td,th{padding:.3em .6em;text-align:left;border-bottom:1px solid #e2e8f0}
        td.n{text-align:right;font-variant-numeric:tabular-nums}tr.inconclusive,tr.passed{background:none}
        tr.failed td:nth-child(2){color:#c53030;font-weight:600}tr.inconclusive td:nth-child(2){color:#b7791f;font-weight:600}
        tr.passed td:nth-child(2){color:#2f855a}tr.not_applicable{color:#718096}
        .charts{display:flex;flex-wrap:wrap;gap:1.5rem;margin-top:1.5rem}figure{margin:0;overflow-x:auto}
        figcaption{font-weight:600}figcaption small{display:block;font-weight:400;color:#4a5568}
        svg text{font:11px system-ui,sans-serif;fill:#4a5568}.tick{text-anchor:end}.label{text-anchor:end}
        .value{text-anchor:middle}.grid{stroke:#edf2f7}.limit{stroke:#c53030;stroke-dasharray:5 4}
        """
}
