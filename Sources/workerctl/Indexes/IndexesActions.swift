internal import ArgumentParser
internal import SluiceCore
internal import SluiceDocuments
internal import SluiceStore

extension IndexesCommand {
    /// Names a version; without a number, the one that the command is about.
    struct Target: ParsableArguments {
        @Argument(help: "The index.") var index: IndexName = .default
        @Option(name: .long, help: "The version's number.") var version: Int?

        func find(
            _ versions: PostgresIndexVersions,
            _ what: String,
            _ isMeant: (IndexVersionRecord) -> Bool
        ) async throws -> IndexVersionRecord {
            let all = try await versions.versions(of: index)
            guard !all.isEmpty else { throw CommandFailure.noIndex(index) }
            guard let found = all.first(where: { version == nil ? isMeant($0) : $0.number == version }) else {
                throw CommandFailure(
                    .notFound,
                    version.map { "index '\(index)' has no version \($0)" } ?? "index '\(index)' has no version \(what)"
                )
            }
            return found
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "verify",
            abstract: "Count whether a version is whole; let the gates measure one anew that waits to be swapped in.",
            discussion:
                "The live version by default. Exit status 1: chunks lack vectors, or the HNSW index is not valid."
        )

        @OptionGroup var target: Target
        @Flag(name: .long, help: "Enqueue tasks that bring the vectors it lacks.") var repair = false
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let versions = try Session().versions
            let version = try await target.find(versions, "that answers") { $0.state == .live }
            guard version.state.isWritten else {
                throw CommandFailure(
                    .failed,
                    "version \(version.number) is \(version.state.rawValue): it is not kept up to date"
                )
            }
            let gaps = try await versions.gaps(version.id)
            let isValid = try await versions.hnswIsValid(version.id)
            if repair, gaps.missing > 0 {
                let count = try await versions.repair(version.id)
                Terminal.say(
                    "index.embed tasks for \(Format.count(count)) chunks are enqueued; verify again when they are done"
                )
            }
            if version.state == .ready {
                _ = try await indexErrors {
                    try await versions.advance(
                        version.id,
                        .doubted,
                        IndexVersionFacts(),
                        reason: "asked for",
                        fence: nil
                    )
                }
                Terminal.say("its gates measure it again: workerctl indexes show \(target.index)")
            }
            if output.json {
                try JSON.print(Report(version, gaps, isValid))
            } else {
                Terminal.write(
                    "version \(version.number) (\(version.state.rawValue)): \(Format.count(gaps.missing)) chunks without vector, "
                        + "\(Format.count(gaps.surplus)) vectors without chunk, \(Format.count(gaps.pending)) tasks under way, "
                        + "\(Format.count(gaps.dead)) dead; HNSW index \(isValid ? "valid" : "not valid")\n"
                )
            }
            if !gaps.isWhole || !isValid { throw CommandFailure(.failed, "version \(version.number) is not whole") }
        }

        private struct Report: Encodable {
            let schema = "sluice.index_verified/v1"
            let index: String
            let version: Int
            let state: String
            let missing: Int
            let surplus: Int
            let pending: Int
            let dead: Int
            let hnswValid: Bool

            init(_ version: IndexVersionRecord, _ gaps: IndexGaps, _ isValid: Bool) {
                index = version.indexName.rawValue
                self.version = version.number
                state = version.state.rawValue
                (missing, surplus, pending, dead) = (gaps.missing, gaps.surplus, gaps.pending, gaps.dead)
                hnswValid = isValid
            }
        }
    }

    struct Swap: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "swap",
            abstract: "Let the version answer that is ready.",
            discussion:
                "At once and as a whole. Refused when it lacks vectors, or when what its gates measured is stale."
        )

        @OptionGroup var target: Target
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let session = try Session()
            let version = try await target.find(session.versions, "that is ready") { $0.state == .ready }
            try await IndexesCommand.audited("indexes swap", version, session, output) {
                try await session.versions.swap(to: version.id, fence: nil)
            }
        }
    }

    struct Rollback: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rollback",
            abstract: "Let the version answer again that did before the last swap.",
            discussion: "Nothing is lost: it was written to all the time. What answers now soaks in its turn."
        )

        @Argument(help: "The index.") var index: IndexName = .default
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let session = try Session()
            guard let live = try await session.versions.versions(of: index).first(where: { $0.state == .live }) else {
                throw CommandFailure.noIndex(index)
            }
            try await IndexesCommand.audited("indexes rollback", live, session, output) {
                try await session.versions.rollback(index)
            }
        }
    }

    private static func audited(
        _ command: String,
        _ version: IndexVersionRecord,
        _ session: Session,
        _ output: OutputOptions,
        _ body: () async throws -> SwapReport
    ) async throws {
        let named = ["index": version.indexName.rawValue, "version": "\(version.number)"]
        let event = try await Audit.begin(command, named, reason: nil, in: session.store)
        let report = try await indexErrors(body)
        try await session.store.audited(event, adding: 1, isOver: true)
        if output.json { return try JSON.print(Swapped(report)) }
        Terminal.write(
            "version \(report.to) of index '\(report.index)' answers, in place of \(report.from); epoch \(report.epoch)\n"
        )
    }

    private struct Swapped: Encodable {
        let schema = "sluice.index_swapped/v1"
        let index: String
        let from: Int
        let to: Int
        let epoch: Int64
        let heldSeconds: Double

        init(_ report: SwapReport) {
            index = report.index.rawValue
            (from, to, epoch) = (report.from, report.to, report.epoch)
            heldSeconds = report.held.inSeconds
        }
    }
}
