internal import ArgumentParser
internal import SluiceCore
internal import SluiceService

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check servers, schema, isolation and model, and say what to do.",
        discussion: "Exit status: 0 all is well, 2 warnings, 3 something must be mended."
    )

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let session = try Session()
        let findings = await Doctor(settings: session.settings, store: session.store).examine()
        if output.json {
            try JSON.print(
                findings.map {
                    Row(check: $0.check, verdict: $0.verdict.rawValue, message: $0.message)
                }
            )
        } else {
            for finding in findings {
                let mark =
                    switch finding.verdict {
                    case .ok: Colour.green("ok  ")
                    case .warning: Colour.yellow("warn")
                    case .failure: Colour.red("FAIL")
                    }
                Terminal.write("\(mark)  \(finding.check): \(Table.printable(finding.message))\n")
            }
        }
        let failures = findings.count { $0.verdict == .failure }
        if failures > 0 { throw CommandFailure(.critical, "\(failures) checks failed") }
        if findings.contains(where: { $0.verdict == .warning }) { throw CommandFailure(.degraded, "") }
    }

    private struct Row: Encodable {
        let check: String
        let verdict: String
        let message: String
    }
}
