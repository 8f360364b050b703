internal import ArgumentParser
internal import SluiceCore
internal import SluiceDocuments
internal import SluiceService
internal import SluiceStore

struct IndexesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "indexes",
        abstract: "Indexes and their versions: rebuild, swap, roll back.",
        discussion: """
            An index has one live version, which answers. A rebuild makes another beside it; when it is whole, built and its gates
            have said GO, it is swapped in. The one before soaks, is written to, and can be gone back to.

            Exit status: 0 done, 1 refused or failed, with the reason on standard error, 4 there is no such index or version,
            75 the time given with --timeout was up.
            """,
        subcommands: [
            List.self, Show.self, Create.self, Plan.self, Rebuild.self, Verify.self, Swap.self, Canary.self,
            Questions.self,
            Rollback.self,
            Abort.self,
            Retire.self, Events.self,
        ]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls",
            abstract: "List the versions of all indexes, newest first."
        )

        @Flag(name: .long, help: "Those whose table is gone, too.") var all = false
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let versions = try await Session().versions.versions().filter { all || $0.droppedAt == nil }
            try IndexVersionText.write(versions, output)
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract: "Show an index's versions, and what happened to them last."
        )

        @Argument(help: "The index.") var index: IndexName
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let store = try Session().versions
            let versions = try await store.versions(of: index)
            guard !versions.isEmpty else { throw CommandFailure.noIndex(index) }
            let events = try await store.events(of: index, limit: 20)
            if output.json {
                return try JSON.print(
                    IndexReport(
                        index: index.rawValue,
                        versions: versions.map { IndexVersionRow($0) },
                        events: events.map { IndexEventRow($0) }
                    )
                )
            }
            try IndexVersionText.write(versions, output)
            Terminal.write("\n" + IndexVersionText.table(events))
        }

        private struct IndexReport: Encodable {
            let schema = "sluice.index/v1"
            let index: String
            let versions: [IndexVersionRow]
            let events: [IndexEventRow]
        }
    }

    struct Events: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "events",
            abstract: "List what happened to an index, or to all, newest first."
        )

        @Argument(help: "The index; without it, all.") var index: IndexName?
        @OptionGroup var page: PageOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let events = try await Session().versions.events(of: index, limit: page.limit)
            if output.json { return try JSON.print(events.map { IndexEventRow($0) }) }
            Terminal.write(IndexVersionText.table(events))
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "create",
            abstract: "Make an empty index with a first, live version.",
            discussion: """
                With SLUICE_MODEL's model, and cut as SLUICE_CHUNK_SIZE and SLUICE_CHUNK_OVERLAP say unless it is said here. Ingesting
                into an index that is not there makes it too. From then on the index knows how its documents are cut, and in which
                language the words of chunks and questions are read.
                """
        )

        @Argument(help: "The name of the index.") var index: IndexName
        @OptionGroup var chunker: ChunkerOptions
        @Option(
            name: .long,
            help: "How words are read: a text search configuration of the database, such as german, or simple for none."
        )
        var language = "english"
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let session = try Session()
            guard try await session.indexes.index(index) == nil else {
                throw CommandFailure(.failed, "index '\(index)' is there already")
            }
            let cutting: Chunker
            do {
                cutting = try session.settings.makeChunker()
                    .resized(chunkSize: chunker.chunkSize, overlap: chunker.overlap)
            } catch let problem as InvalidChunking {
                throw CommandFailure(.usage, problem.description)
            }
            do {
                _ = try await session.indexes.ensureIndex(
                    index,
                    model: try session.settings.modelIdentity(),
                    chunkerFingerprint: cutting.fingerprint,
                    language: language
                )
            } catch let failure as TaskFailure where failure.errorClass == "index.impossible" {
                throw CommandFailure(.usage, failure.message)
            }
            try IndexVersionText.write(try await session.versions.versions(of: index), output)
        }
    }
}

extension Session {
    var versions: PostgresIndexVersions { settings.makeIndexVersions(store, announce: announce) }
}

extension CommandFailure {
    static func noIndex(_ index: IndexName) -> CommandFailure {
        CommandFailure(.notFound, "there is no index '\(index)'")
    }
}

/// What the registry refuses, as a message with the exit code that says so.
func indexErrors<Value>(_ body: () async throws -> Value) async throws -> Value {
    do {
        return try await body()
    } catch let refusal as IndexRefusal {
        throw CommandFailure(.failed, refusal.description)
    } catch let failure as TaskFailure {
        let isMissing = ["index.unknown", "index.gone", "index.no_rollback"].contains(failure.errorClass)
        throw CommandFailure(isMissing ? .notFound : .failed, failure.message)
    }
}
