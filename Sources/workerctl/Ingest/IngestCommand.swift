internal import ArgumentParser
internal import SluiceCore
internal import SluiceDocuments
internal import SluiceService
internal import SluiceStore

struct IngestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ingest",
        abstract: "Enqueue files and folders for ingestion.",
        discussion: """
            For example: workerctl ingest ~/papers --recursive --wait
                         find /srv -name '*.pdf' | workerctl ingest - --tenant acme

            In folders *.pdf, *.txt and *.md are taken; a file that is named itself is taken whatever its name.
            With --wait the exit status is 0 when every document was read (or unchanged), else 1; 75 when --timeout
            passed, 130 when interrupted. The ingest goes on in either case.
            """
    )

    @Argument(help: "Files and folders; '-' reads a list of paths from standard input, one a line.") var paths: [String]
    @OptionGroup var tenant: TenantOptions
    @Option(name: .long, help: "Which index to fill; made when there is none.") var index: IndexName = .default
    @Flag(name: .long, help: "Also look into folders of folders.") var recursive = false
    @Flag(name: .long, help: "Wait until all is done, with progress.") var wait = false
    @Option(name: .long, help: "With --wait: give up waiting after this many seconds.") var timeout: Int?
    @Option(name: .long, help: "A name for the batch.") var label = ""
    @OptionGroup var about: AttributeOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if paths.isEmpty { throw ValidationError("name at least one file or folder") }
        if let timeout, timeout < 1 { throw ValidationError("--timeout must be at least 1 second") }
    }

    func run() async throws {
        let session = try Session()
        let sources = sources()
        for problem in sources.problems { Terminal.say("workerctl: \(problem)") }
        guard !sources.files.isEmpty else {
            throw CommandFailure(
                sources.problems.isEmpty ? .notFound : .failed,
                "no documents found" + (sources.skipped > 0 ? " (\(sources.skipped) files of other kinds)" : "")
            )
        }
        let started = ContinuousClock.now
        let snapshot = try await session.indexes.ensureIndex(
            index,
            model: try session.settings.modelIdentity(),
            chunkerFingerprint: try session.settings.makeChunker().fingerprint
        )
        let receipt = try await session.documents.requestIngest(
            of: sources.files.map(SourceList.uri(ofFile:)),
            tenant: tenant.tenant,
            index: snapshot,
            label: label.isEmpty ? paths.joined(separator: " ") : label,
            attributes: try about.attributes()
        )
        if wait {
            try await IngestWait(session: session, batch: receipt.batch, tenant: tenant.tenant, json: output.json)
                .run(since: started, limit: timeout.map { .seconds($0) })
        } else if output.json {
            try JSON.print(
                Enqueued(batch: "\(receipt.batch)", documents: receipt.documents, underWay: receipt.underWay)
            )
        } else {
            Terminal.write(
                "batch \(receipt.batch): \(Format.count(receipt.documents)) documents enqueued"
                    + (receipt.underWay > 0 ? ", \(receipt.underWay) of them were under way" : "") + "\n"
            )
            Terminal.say("follow it with: workerctl batches show \(receipt.batch)")
        }
        if !sources.problems.isEmpty {
            throw CommandFailure(.partial, "\(sources.problems.count) paths could not be used")
        }
    }

    private func sources() -> SourceList {
        var sources = SourceList()
        for path in paths {
            if path == "-" {
                while let line = readLine() {
                    if !line.isEmpty { sources.add(line, recursive: recursive) }
                }
            } else {
                sources.add(path, recursive: recursive)
            }
        }
        return sources
    }

    private struct Enqueued: Encodable {
        let schema = "sluice.enqueued/v1"
        let batch: String
        let documents: Int
        let underWay: Int
    }
}
