internal import SluiceCore
internal import SluiceDocuments
internal import SluiceSearch

/// Gates as people and programs read them.
enum GateText {
    static func table(_ gates: [Gate]) -> String {
        var table = Table([
            .init("GATE"), .init("OUTCOME"), .init("MEASURED", .right), .init("THRESHOLD", .right), .init("FOUND"),
        ])
        for gate in gates {
            table.add([
                gate.name.rawValue, gate.outcome.rawValue, gate.measured.map { Format.decimal($0, 3) } ?? "-",
                gate.threshold.map { Format.decimal($0, 3) } ?? "-", gate.note,
            ])
        }
        return table.render()
    }

    static func verdict(_ verdict: GateVerdict) -> String {
        switch verdict {
        case .go: Colour.green("GO")
        case .noGo: Colour.red("NO-GO")
        case .inconclusive: Colour.yellow("INCONCLUSIVE")
        }
    }

    /// What a command that judges ends with; nil for a GO.
    static func status(_ verdict: GateVerdict) -> ExitStatus? {
        switch verdict {
        case .go: nil
        case .noGo: .noGo
        case .inconclusive: .inconclusive
        }
    }
}

struct GateRow: Encodable {
    struct Figure: Encodable {
        let name: String
        @Explicit var slice: String?
        let value: Double
    }

    let gate: String
    let outcome: String
    @Explicit var measured: Double?
    @Explicit var threshold: Double?
    let note: String
    let figures: [Figure]

    init(_ gate: Gate) {
        self.gate = gate.name.rawValue
        outcome = gate.outcome.rawValue
        _measured = Explicit(wrappedValue: gate.measured.flatMap { $0.isFinite ? $0 : nil })
        _threshold = Explicit(wrappedValue: gate.threshold)
        note = gate.note
        figures = gate.figures.filter(\.value.isFinite).map { Figure(name: $0.name, slice: $0.slice, value: $0.value) }
    }
}

struct GateRunRow: Encodable {
    let schema = "sluice.gate_run/v1"
    let run: Int64
    let index: String
    let version: Int
    /// What the version was when it was measured; only of a run that was just made.
    var state: String?
    @Explicit var against: Int?
    let kind: String
    let verdict: String
    @Explicit var at: String?
    let seconds: Double
    let gates: [GateRow]

    enum CodingKeys: String, CodingKey {
        case schema, run, index, version, state, against, kind, verdict, at, seconds, gates
    }

    init(_ run: Examination, state: IndexVersionState) {
        self.run = run.run
        index = run.subject.name.rawValue
        version = run.subject.version.number
        self.state = state.rawValue
        _against = Explicit(wrappedValue: run.subject.other?.number)
        kind = run.kind.rawValue
        verdict = run.verdict.rawValue
        _at = Explicit(wrappedValue: nil)
        seconds = run.duration.inSeconds
        gates = run.gates.map(GateRow.init)
    }

    init(_ run: GateRun, of index: IndexName) {
        self.run = run.id
        self.index = index.rawValue
        version = run.number
        _against = Explicit(wrappedValue: run.other)
        kind = run.kind.rawValue
        verdict = run.verdict.rawValue
        _at = Explicit(wrappedValue: Timestamp.text(run.at))
        seconds = run.seconds
        gates = run.gates.map(GateRow.init)
    }
}
