internal import ArgumentParser
internal import SluiceCore
internal import SluiceDocuments
internal import SluiceStore

struct GatesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gates",
        abstract: "What the gates found, and what they want.",
        subcommands: [List.self, Show.self, Thresholds.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls",
            abstract: "List the runs of an index's versions, newest first."
        )

        @Argument(help: "The index.") var index: IndexName = .default
        @OptionGroup var page: PageOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let runs = try await PostgresGateStore(try Session().store).runs(of: index, limit: page.limit)
            if output.json { return try JSON.print(runs.map { GateRunRow($0, of: index) }) }
            var table = Table([
                .init("RUN", .right), .init("AT"), .init("VERSION", .right), .init("AGAINST", .right), .init("KIND"),
                .init("VERDICT"), .init("TOOK", .right), .init("NOT PASSED"),
            ])
            for run in runs {
                table.add([
                    "\(run.id)", Timestamp.text(run.at), "\(run.number)", run.other.map { "\($0)" } ?? "-",
                    run.kind.rawValue, run.verdict.rawValue, Format.seconds(run.seconds),
                    run.gates.filter { $0.outcome == .failed || $0.outcome == .inconclusive }.map(\.name.rawValue)
                        .joined(separator: " "),
                ])
            }
            Terminal.write(table.render())
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract: "Show one run, gate by gate.",
            discussion: "Says too whether the version's newest full run still counts for a swap, or why not."
        )

        @Argument(help: "The run's number, as ls shows it.") var run: Int64
        @Option(name: .long, help: "The index.") var index: IndexName = .default
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let store = PostgresGateStore(try Session().store)
            let number = run
            guard let run = try await store.runs(of: index, limit: 10_000).first(where: { $0.id == number }) else {
                throw CommandFailure(.notFound, "index '\(index)' has no run \(number) among its newest 10,000")
            }
            if output.json { return try JSON.print(GateRunRow(run, of: index)) }
            Terminal.write(GateText.table(run.gates))
            let other = run.other.map { " against version \($0)" } ?? ""
            Terminal.write(
                "\nindex \(index), version \(run.number)\(other): \(GateText.verdict(run.verdict)), \(Timestamp.text(run.at))\n"
            )
            if let evidence = try await store.evidence(run.version), evidence.run == run.id {
                Terminal.write("for a swap: \(evidence.refusal ?? "it counts")\n")
            }
        }
    }

    struct Thresholds: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "thresholds",
            abstract: "Show or set what the gates want of an index's versions.",
            discussion: """
                For example: workerctl gates thresholds default --set recall=0.97 --set samples=500

                A change makes the evidence of earlier runs stale: what is to be swapped in is judged again.
                """
        )

        @Argument(help: "The index.") var index: IndexName = .default
        @Option(name: .long, help: "NAME=NUMBER, or NAME=default; may be given several times.") var set: [String] = []
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let store = PostgresGateStore(try Session().store)
            guard let version = try await store.version(of: index, number: nil),
                let subject = try await store.subject(version, against: nil)
            else { throw CommandFailure(.notFound, "there is no index '\(index)' with a live version") }
            var thresholds = try await store.thresholds(of: subject.index)
            for entry in set { try apply(entry, to: &thresholds) }
            if !set.isEmpty { try await store.setThresholds(thresholds, of: subject.index) }
            if output.json {
                let values = GateThresholds.fields.map { ($0.name, thresholds[keyPath: $0.path]) }
                return try JSON.print(Dictionary(values) { first, _ in first })
            }
            var table = Table([.init("THRESHOLD"), .init("VALUE", .right), .init("DEFAULT", .right), .init("MEANS")])
            for field in GateThresholds.fields {
                table.add([
                    field.name, text(thresholds[keyPath: field.path]), text(GateThresholds()[keyPath: field.path]),
                    field.help,
                ])
            }
            Terminal.write(table.render())
        }

        private func text(_ value: Double) -> String {
            value == value.rounded() ? "\(Int(value))" : Format.decimal(value, 3)
        }

        private func apply(_ entry: String, to thresholds: inout GateThresholds) throws {
            let parts = entry.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { throw CommandFailure(.usage, "--set wants NAME=NUMBER, not '\(entry)'") }
            let standard = GateThresholds.fields.first { $0.name == parts[0] }.map {
                GateThresholds()[keyPath: $0.path]
            }
            guard let value = parts[1] == "default" ? standard ?? 0 : Double(parts[1]) else {
                throw CommandFailure(.usage, "'\(parts[1])' is no number")
            }
            if let problem = thresholds.set(parts[0], to: value) { throw CommandFailure(.usage, problem) }
        }
    }
}
