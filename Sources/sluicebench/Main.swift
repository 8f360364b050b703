internal import ArgumentParser
internal import FoundationEssentials
internal import SluiceCore
internal import SluiceInference
internal import SluiceService
internal import SluiceSystem

@main
struct Sluicebench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sluicebench",
        abstract: "Reproducible load and micro benchmarks.",
        discussion: """
            Every number is a median after a warm-up. Benchmarks on servers use SLUICE_DATABASE_URL and SLUICE_REDIS_URL, in a
            schema and under a key prefix of their own, which they drop again.
            """,
        version: Version.text,
        subcommands: [
            Noop.self, Held.self, Flush.self, Fairness.self, Depth.self, Status.self, Busy.self, Extract.self,
            Split.self,
            Embed.self,
            Ingest.self, Retrieval.self, Vectors.self, Swap.self,
        ]
    )
}

struct BenchOutput: ParsableArguments {
    @Flag(name: .long, help: "Print one JSON object.") var json = false

    func print(_ result: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = json ? [.sortedKeys, .withoutEscapingSlashes] : [.sortedKeys, .prettyPrinted]
        StandardStream.output.write(String(decoding: try encoder.encode(result), as: UTF8.self) + "\n")
    }
}

struct Noop: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "No-op tasks: enqueue, drain, and pick-up latency.")

    @Option(name: .long, help: "Tasks to enqueue and drain.") var tasks = 20_000
    @Option(name: .long, help: "Attempts at once.") var concurrency = 1_000
    @OptionGroup var output: BenchOutput

    func run() async throws {
        Environment.ignoreBrokenPipes()
        try await BenchSchema.run { settings in
            try output.print(try await NoopBench(settings: settings, tasks: tasks, concurrency: concurrency).run())
        }
    }
}

struct Held: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "No-op tasks a second while a transaction is left open, against before."
    )

    @Option(name: .long, help: "How long it is left open.") var minutes = 10.0
    @Option(name: .long, help: "Attempts at once.") var concurrency = 1_000
    @OptionGroup var output: BenchOutput

    func run() async throws {
        Environment.ignoreBrokenPipes()
        try await BenchSchema.run { settings in
            try output.print(try await HeldBench(settings: settings, minutes: minutes, concurrency: concurrency).run())
        }
    }
}

struct Flush: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "FLUSHALL during a drain: time to run again. Wipes the whole Redis server, so it wants --wipe-redis."
    )

    @Option(name: .long, help: "Tasks to enqueue and drain.") var tasks = 1_000_000
    @Option(name: .long, help: "Attempts at once.") var concurrency = 1_000
    @Flag(name: .long, help: "The Redis of SLUICE_REDIS_URL may be wiped.") var wipeRedis = false
    @OptionGroup var output: BenchOutput

    func validate() throws {
        guard wipeRedis else { throw ValidationError("this runs FLUSHALL on SLUICE_REDIS_URL: say --wipe-redis") }
    }

    func run() async throws {
        Environment.ignoreBrokenPipes()
        try await BenchSchema.run { settings in
            try output.print(try await FlushBench(settings: settings, tasks: tasks, concurrency: concurrency).run())
        }
    }
}

struct Extract: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Pages a second through the confined extractor.")

    @Option(name: .long, help: "A file with one path a line.") var files: String
    @Option(name: .long, help: "Children at once.") var children = 1
    @Option(name: .long, help: "Measured runs.") var runs = 5
    @OptionGroup var output: BenchOutput

    func run() async throws {
        Environment.ignoreBrokenPipes()
        let list = try String(contentsOfFile: files, encoding: .utf8).split(separator: "\n").map(String.init)
        try output.print(try await ExtractBench(files: list, children: children, runs: runs).run())
    }
}

struct Split: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Megabytes a second of the splitter, on one core.")

    @OptionGroup var output: BenchOutput

    func run() async throws { try output.print(splitBench()) }
}

struct Embed: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Chunks a second of the embedder against a bare loop.")

    @Option(name: .long, help: "A file with one JSON object a line, {\"text\": …}.") var texts: String
    @Option(name: .long, help: "f32 or int8.") var precision = "int8"
    @Option(name: .long, help: "Measured runs.") var runs = 5
    @OptionGroup var output: BenchOutput

    func validate() throws {
        guard ["f32", "int8"].contains(precision) else { throw ValidationError("--precision is f32 or int8") }
    }

    func run() async throws {
        guard let home = Environment.home() else {
            throw ValidationError("there is no .sluice folder; run scripts/setup")
        }
        let cores = Environment.coreCount()
        try output.print(
            try await embedBench(
                texts: texts,
                directory: home + "/models/all-MiniLM-L6-v2/" + precision,
                settings: try OpenVINOSettings.fromEnvironment(threads: cores, streams: cores),
                repeats: runs
            )
        )
    }
}

struct Ingest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Whole ingestion of files, then of the same files unchanged."
    )

    @Argument(help: "Files, or lists of files as @LIST.") var paths: [String]
    @OptionGroup var output: BenchOutput

    func run() async throws {
        Environment.ignoreBrokenPipes()
        var files: [String] = []
        for path in paths {
            guard path.hasPrefix("@") else {
                files.append(path)
                continue
            }
            let list = try String(contentsOfFile: String(path.dropFirst()), encoding: .utf8)
            files += list.split(separator: "\n").map(String.init)
        }
        try await BenchSchema.run { settings in
            try output.print(try await IngestBench(settings: settings, files: files).run())
        }
    }
}
