internal import ArgumentParser
internal import SluiceCore
internal import SluiceStore

struct RotatePayloadsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate-payloads",
        abstract: "Seal the payloads of live tasks and dead letters anew with the first key.",
        discussion: """
            To rotate: put the new key behind the old one in SLUICE_PAYLOAD_KEYS of every process; then put it first everywhere;
            then run this; when it says that nothing is left, take the old key out. Payloads never sealed are sealed too. Safe to
            repeat and to interrupt. Settled tasks keep their seal until their day is dropped. Exit status 75: some payloads could
            not be opened with the keys given, and are as they were.
            """
    )

    @Option(name: .long, help: "Rows of one step, 1 to 10000.") var step = 500
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...10_000).contains(step) else { throw ValidationError("--step must be 1 to 10000, not \(step)") }
    }

    private struct Report: Encodable {
        var key: String
        var examined = 0
        var resealed = 0
        var locked = 0
    }

    func run() async throws {
        let store = try Session().store
        guard let key = store.payloadKeys.sealingID else {
            throw CommandFailure(.usage, "SLUICE_PAYLOAD_KEYS is not set: there is no key to seal with")
        }
        var report = Report(key: key)
        for table in SealedTable.allCases {
            var after: TaskID?
            repeat {
                let done = try await store.reseal(table, after: after, limit: step)
                report.examined += done.examined
                report.resealed += done.resealed
                report.locked += done.locked
                after = done.next
            } while after != nil
        }
        if output.json {
            try JSON.print(report)
        } else {
            Terminal.write("\(report.examined) payloads seen, \(report.resealed) sealed anew with key '\(key)'\n")
        }
        if report.locked > 0 {
            throw CommandFailure(.partial, "\(report.locked) payloads cannot be opened with the keys given")
        }
    }
}

/// A payload for people: sealed ones are not shown.
enum PayloadText {
    static let sealed = "(sealed)"

    /// - Parameter keys: to open it with, where that was asked for.
    static func shown(_ payload: String, _ tenant: TenantID, _ kind: TaskKind, revealing keys: PayloadKeys?) -> String {
        switch (keys ?? .none).open(payload, tenant: tenant, kind: kind) {
        case .plain: payload
        case .opened(let opened): opened
        case .locked: sealed
        }
    }
}
