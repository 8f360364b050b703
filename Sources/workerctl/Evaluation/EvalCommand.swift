internal import ArgumentParser
internal import FoundationEssentials
internal import Logging
internal import SluiceCore
internal import SluiceDocuments
internal import SluiceSearch
internal import SluiceService
internal import SluiceStore
internal import SluiceSystem

struct EvalCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "eval",
        abstract: "Run the gates on a version of an index, and say GO or NO-GO.",
        discussion: """
            For example: workerctl eval default --index-version 3 --html report.html

            Without --index-version the candidate is measured, the version that is validating or ready; the live one where
            there is none. It is compared with the live version, or with --against. A run without --against, --golden and
            --sample is the evidence that a swap wants. All runs are kept: workerctl gates ls.

            Exit status: 0 GO, 10 NO-GO, 11 INCONCLUSIVE (no pass either).
            """
    )

    @Argument(help: "The index.") var index: IndexName = .default
    @Option(name: .long, help: "The number of the version to measure; by default the candidate, else the live one.")
    var indexVersion: Int?
    @Option(name: .long, help: "Compare with the version of this number instead of the live one.") var against: Int?
    @Option(name: .long, help: "Only this set of golden queries.") var golden: String?
    @Option(name: .long, help: "Questions drawn from the corpus, 20 to 10000.") var sample: Int?
    @Option(name: .long, help: "Repeat the run with this seed.") var seed: UInt64?
    @Option(name: .long, help: "Write a page with charts to this file.") var html: String?
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if let sample, !(20...10_000).contains(sample) { throw ValidationError("--sample must be 20 to 10000") }
        if let seed, seed > UInt64(Int64.max) { throw ValidationError("--seed must be at most \(Int64.max)") }
    }

    func run() async throws {
        let session = try Session()
        let store = session.settings.makeGateStore("workerctl", logger: .line("workerctl", level: "error"))
        let showsSteps = Terminal.errorIsTerminal
        let gates = try await session.settings.makeGates(store) { step in
            if showsSteps { Terminal.repaint(step) }
        }
        let versions = try await session.versions.versions(of: index)
        guard let chosen = choose(versions) else {
            let what = indexVersion.map { "version \($0) of index '\(index)'" } ?? "index '\(index)'"
            throw CommandFailure(.notFound, "there is no \(what); workerctl indexes ls shows what there is")
        }
        if indexVersion == nil { Self.say(versions, chosen) }
        if let golden,
            try await !PostgresGoldenStore(store).goldenSets(of: index).contains(where: { $0.name == golden })
        {
            throw CommandFailure(.notFound, "index '\(index)' has no golden set '\(golden)'; workerctl golden ls")
        }
        var wishes = PostgresIndexGates.Wishes()
        (wishes.against, wishes.sample, wishes.goldenSet, wishes.seed) = (against, sample, golden, seed)
        let examined: Examination
        do {
            examined = try await gates.examine(chosen.id, wishes)
        } catch let error as ExaminationError {
            throw CommandFailure(.notFound, error.description)
        }
        if showsSteps { Terminal.repaint("") }
        if let html {
            let now = Timestamp.text(Int64(WallClock.seconds() * 1_000_000))
            try Data(EvaluationPage(examined, at: now).html().utf8).write(to: URL(filePath: html), options: .atomic)
        }
        if output.json {
            try JSON.print(GateRunRow(examined, state: chosen.state))
        } else {
            Terminal.write(GateText.table(examined.gates))
            let other = examined.subject.other.map { other in
                let state = versions.first { $0.id == other.id }.map { " (\($0.state.rawValue))" } ?? ""
                return " against version \(other.number)\(state)"
            }
            Terminal.write(
                "\nindex \(index), version \(chosen.number) (\(chosen.state.rawValue))\(other ?? ""): "
                    + GateText.verdict(examined.verdict)
                    + " (run \(examined.run), \(Format.seconds(examined.duration.inSeconds)))\n"
            )
        }
        if let status = GateText.status(examined.verdict) { throw CommandFailure(status, "") }
    }

    /// The version of the number given; else the one that waits for a verdict or a swap, else the one that answers.
    private func choose(_ versions: [IndexVersionRecord]) -> IndexVersionRecord? {
        if let indexVersion { return versions.first { $0.number == indexVersion } }
        return versions.first { $0.state == .validating || $0.state == .ready } ?? versions.first { $0.state == .live }
    }

    private static func say(_ versions: [IndexVersionRecord], _ chosen: IndexVersionRecord) {
        let early = versions.first { $0.state.isCandidate && $0.state != .validating && $0.state != .ready }
        let why = early.map { "; version \($0.number) is \($0.state.rawValue), and not yet to be measured" } ?? ""
        Terminal.say("measuring version \(chosen.number), which is \(chosen.state.rawValue)\(why)")
    }
}
