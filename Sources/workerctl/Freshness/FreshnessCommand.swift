internal import ArgumentParser
internal import SluiceCore
internal import SluiceDocuments
internal import SluiceQueue
internal import SluiceStore

struct FreshnessCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "freshness",
        abstract: "How old what is indexed may be, and how old it is.",
        discussion: """
            For example: workerctl freshness set file:///srv/wiki/ --target 24h --tenant acme

            A document is as old as the last ingest that read its source. The task freshness.check measures it, warns, and with
            'reingest' in its payload asks for stale documents to be ingested again.
            """,
        subcommands: [List.self, Set.self, Remove.self, Check.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls",
            abstract: "List targets with what was measured last."
        )

        @Option(name: .long, help: "Only this tenant.") var tenant: TenantID?
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let records = try await Session().store.freshness(tenant: tenant)
            if output.json { return try JSON.print(records.map(Row.init)) }
            var table = Table([
                .init("TENANT"), .init("SOURCE"), .init("TARGET"), .init("OLDEST"), .init("STALE", .right),
                .init("DOCUMENTS", .right), .init("MEASURED"),
            ])
            for record in records {
                table.add([
                    record.target.tenant.rawValue, record.target.source.isEmpty ? "(all)" : record.target.source,
                    Format.seconds(record.target.maxAge.inSeconds),
                    record.reading == nil ? "?" : record.reading?.oldest.map { Format.seconds($0.inSeconds) } ?? "-",
                    Format.known(record.reading?.stale), Format.known(record.reading?.documents),
                    Timestamp.text(record.measuredAt) ?? "never",
                ])
            }
            Terminal.write(table.render())
        }

        private struct Row: Encodable {
            let schema = "sluice.freshness/v1"
            let tenant: String
            let source: String
            let targetSeconds: Double
            @Explicit var documents: Int?
            @Explicit var stale: Int?
            @Explicit var oldestSeconds: Double?
            @Explicit var measuredAt: String?

            init(_ record: FreshnessRecord) {
                tenant = record.target.tenant.rawValue
                source = record.target.source
                targetSeconds = record.target.maxAge.inSeconds
                _documents = Explicit(wrappedValue: record.reading?.documents)
                _stale = Explicit(wrappedValue: record.reading?.stale)
                _oldestSeconds = Explicit(wrappedValue: record.reading?.oldest?.inSeconds)
                _measuredAt = Explicit(wrappedValue: Timestamp.text(record.measuredAt))
            }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set",
            abstract: "Set how old documents of a source may be."
        )

        @Argument(help: "What their URIs begin with; '' means all of the tenant.") var source: String
        @Option(name: .long, help: "How old: 15m, 24h, 7d.") var target: DurationArgument
        @OptionGroup var tenant: TenantOptions

        func validate() throws {
            if target.duration < .seconds(1) { throw ValidationError("--target must be at least 1s") }
        }

        func run() async throws {
            try await Session().store.setFreshness(tenant.tenant, source: source, maxAge: target.duration)
            Terminal.say("documents of '\(source)' may be \(Format.seconds(target.duration.inSeconds)) old")
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "rm", abstract: "Remove a target.")

        @Argument(help: "The source, as it was set.") var source: String
        @OptionGroup var tenant: TenantOptions

        func run() async throws {
            guard try await Session().store.removeFreshness(tenant.tenant, source: source) else {
                throw CommandFailure(.notFound, "tenant '\(tenant.tenant)' has no target for '\(source)'")
            }
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "check", abstract: "Enqueue a check.")

        @Flag(name: .long, help: "Ask for stale documents to be ingested again.") var reingest = false
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await enqueueUpkeep(CheckFreshnessInput(reingests: reingest ? true : nil), Session(), output)
        }
    }
}
