internal import ArgumentParser
internal import SluiceSystem

struct Fairness: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "How long one tenant's few tasks wait while another has very many queued, in windows and milliseconds."
    )

    @Option(name: .long, help: "Tasks of the tenant that has many.") var noisy = 1_000_000
    @Option(name: .long, help: "Tasks of the other.") var quiet = 100
    @Option(name: .long, help: "Attempts at once.") var concurrency = 1_000
    @OptionGroup var output: BenchOutput

    func validate() throws {
        guard noisy >= 1_000, quiet > 0 else { throw ValidationError("--noisy of 1000 at least, --quiet of 1") }
    }

    func run() async throws {
        Environment.ignoreBrokenPipes()
        try await BenchSchema.run { settings in
            try output.print(
                try await FairnessBench(settings: settings, noisy: noisy, quiet: quiet, concurrency: concurrency).run()
            )
        }
    }
}

struct Busy: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Whether workers of a machine at full load are taken for dead: leases lost though nobody died."
    )

    @Option(name: .long, help: "How long.") var minutes = 10.0
    @Option(name: .long, help: "Threads that do nothing but burn; 0: four a core.") var burners = 0
    @Option(name: .long, help: "Attempts at once.") var concurrency = 1_000
    @OptionGroup var output: BenchOutput

    func validate() throws {
        guard minutes > 0, burners >= 0 else { throw ValidationError("--minutes above 0, --burners of 0 or more") }
    }

    func run() async throws {
        Environment.ignoreBrokenPipes()
        let burners = burners == 0 ? 4 * Environment.coreCount() : burners
        try await BenchSchema.run { settings in
            try output.print(
                try await BusyBench(
                    settings: settings,
                    minutes: minutes,
                    burners: burners,
                    concurrency: concurrency
                ).run()
            )
        }
    }
}

struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "How long workerctl status takes with much queued and more archived."
    )

    @Option(name: .long, help: "Tasks queued.") var queued = 1_000_000
    @Option(name: .long, help: "Tasks settled.") var archived = 10_000_000
    @Option(name: .long, help: "Runs that count.") var runs = 21
    @OptionGroup var output: BenchOutput

    func validate() throws {
        guard queued >= 0, archived >= 0, runs > 0 else { throw ValidationError("numbers of 0 or more, --runs of 1") }
    }

    func run() async throws {
        Environment.ignoreBrokenPipes()
        try await BenchSchema.run { settings in
            try output.print(
                try await StatusBench(settings: settings, queued: queued, archived: archived, runs: runs).run()
            )
        }
    }
}

struct Depth: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "What a no-op task costs with ever more queued behind it."
    )

    @Option(name: .long, help: "Numbers of queued tasks, with commas.") var depths = "10000,100000,1000000"
    @Option(name: .long, help: "Tasks measured at each depth.") var tasks = 20_000
    @Option(name: .long, help: "Attempts at once.") var concurrency = 1_000
    @OptionGroup var output: BenchOutput

    private var numbers: [Int]? {
        let parts = depths.split(separator: ",").map { Int($0) }
        return parts.isEmpty || parts.contains { $0.map { $0 < 0 } ?? true } ? nil : parts.compactMap(\.self)
    }

    func validate() throws {
        guard numbers != nil, tasks >= 1_000 else {
            throw ValidationError("--depths are numbers with commas between them, --tasks at least 1000")
        }
    }

    func run() async throws {
        Environment.ignoreBrokenPipes()
        let depths = numbers ?? []
        try await BenchSchema.run { settings in
            try output.print(
                try await DepthBench(settings: settings, depths: depths, tasks: tasks, concurrency: concurrency).run()
            )
        }
    }
}
