internal import ArgumentParser
internal import FoundationEssentials
internal import Glibc
internal import SluiceCore
internal import SluiceFaultKit
internal import SluiceService
internal import SluiceSystem

@main
struct FaultLabCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "faultlab",
        abstract: "Breaks a fleet of real processes on real servers, and checks what is left. Run by scripts/faults.",
        version: Version.text,
        subcommands: [Matrix.self, WorkerMode.self]
    )
}

struct Matrix: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Runs faults and prints a row for each.")

    @Option(name: .long, help: "Faults, separated by commas; all without.") var only: String?
    @Flag(name: .long, help: "Short leases and outages.") var short = false
    @Option(name: .long, help: "Write the rows to this file too, as JSON.") var json: String?
    @Option(name: .long, help: "Faults at once.") var lanes = 3
    @Flag(name: .long, help: "Print the names of all faults and end.") var list = false

    func run() async throws {
        Environment.ignoreBrokenPipes()
        if list { return StandardStream.output.write(Fault.all.map { "\($0.name)\t\($0.title)\n" }.joined()) }
        let names = only.map { $0.split(separator: ",").map(String.init) }
        if let unknown = names?.first(where: { name in !Fault.all.contains { $0.name == name } }) {
            throw ValidationError("no fault is named '\(unknown)'; --list prints them")
        }
        let matrix = FaultMatrix(servers: try LabServers(), scale: FaultScale(isShort: short), lanes: max(1, lanes))
        StandardStream.output.write("fault | enqueued | done | lost | doubled | refused | again s | took s | note\n")
        let faults = Fault.all.filter { names?.contains($0.name) ?? true }
        let rows = await matrix.run(faults) { StandardStream.output.write(Self.line($0)) }
        if let json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
            let text = String(decoding: try encoder.encode(rows), as: UTF8.self) + "\n"
            guard let file = fopen(json, "we") else { throw ValidationError("cannot write '\(json)'") }
            fputs(text, file)
            fclose(file)
        }
        let failed = rows.filter { !$0.passed }
        if !failed.isEmpty {
            StandardStream.error.write("faultlab: failed: \(failed.map(\.fault).joined(separator: ", "))\n")
            throw ExitCode(1)
        }
    }

    private static func line(_ row: FaultRow) -> String {
        let again = row.run_again_s.map { "\($0)" } ?? "-"
        var text = "\(row.fault) | \(row.enqueued) | \(row.done) | \(row.lost) | \(row.doubled) | \(row.refused) | "
        text += "\(again) | \(Int(row.seconds)) | \(row.note)\n"
        if let failure = row.failure { text += "  FAILED: \(failure)\n" }
        for violation in row.violations { text += "  BROKEN: \(violation)\n" }
        return text
    }
}

struct WorkerMode: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "A worker whose handler keeps the effect log."
    )

    @Option(name: .long, help: "Attempts at once.") var concurrency = 8

    func run() async throws {
        Environment.ignoreBrokenPipes()
        let shutdown = Shutdown.onSignals()
        let settings = try Settings.fromEnvironment()
        try await LabWorker.run(
            settings: settings,
            concurrency: concurrency,
            shutdown: shutdown,
            logger: .line("lab-worker", level: settings.logLevel)
        )
    }
}
