internal import ArgumentParser
internal import SluiceCore
internal import SluiceDocuments
internal import SluiceService
internal import SluiceStore

/// In what the new version is to differ from the live one.
struct RebuildOptions: ParsableArguments {
    enum Model: String, ExpressibleByArgument, CaseIterable { case current, candidate }

    @Option(name: .long, help: "current: the live version's; candidate: SLUICE_CANDIDATE_MODEL.") var model: Model =
        .current
    @Option(name: .long, help: "vector or halfvec; the live version's by default.") var type: VectorStorage?
    @Option(name: .long, help: "HNSW: links of a node, 2 to 100.") var m: Int?
    @Option(name: .long, help: "HNSW: candidates looked at when building, 4 to 1000.") var efConstruction: Int?
    @Option(name: .long, help: "Tenants with more chunks get a partition of their own; 0: none does.")
    var partitionAbove: Int?
    @Option(name: .long, help: "The largest so many of them, 1 to 256; 64 by default.") var partitionsAtMost: Int?
    @OptionGroup var chunker: ChunkerOptions
    @Option(name: .long, help: "Free space on the database's disk: 40G, 500M.") var diskFree: ByteCount?

    func change(_ settings: Settings) throws -> IndexVersionChange {
        if partitionsAtMost != nil, partitionAbove == nil {
            throw CommandFailure(.usage, "--partitions-at-most says nothing without --partition-above")
        }
        var change = IndexVersionChange(
            storage: type,
            m: m,
            efConstruction: efConstruction,
            partitions: PartitionChange(above: partitionAbove, atMost: partitionsAtMost)
        )
        change.chunkSize = chunker.chunkSize
        change.overlap = chunker.overlap
        if model == .candidate {
            guard let candidate = try settings.candidateIdentity() else {
                throw CommandFailure(.usage, "SLUICE_CANDIDATE_MODEL is not set; every worker and this command need it")
            }
            change.model = candidate
        }
        return change
    }

    func room(_ settings: Settings) -> IndexPlan.Room {
        var room = settings.planRoom
        room.diskFree = diskFree?.bytes ?? room.diskFree
        return room
    }
}

/// How documents are cut.
struct ChunkerOptions: ParsableArguments {
    @Option(name: .long, help: "Characters of a chunk, at most.") var chunkSize: Int?
    @Option(name: .long, help: "Characters of these that are repeated from the chunk before, at most.") var overlap:
        Int?
}

extension VectorStorage: ExpressibleByArgument {}

/// A size: `40G`, `500M`, `1024`.
struct ByteCount: ExpressibleByArgument {
    let bytes: Int

    init?(argument: String) {
        let units: [Character: Int] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40]
        let unit = argument.last.flatMap { units[$0] }
        guard let number = Int(unit == nil ? argument[...] : argument.dropLast()),
            (0...1 << 20).contains(number) || unit == nil,
            number >= 0
        else { return nil }
        bytes = number * (unit ?? 1)
    }
}

extension IndexesCommand {
    struct Plan: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "plan",
            abstract: "Say what a rebuild would cost, and whether there is room for it. Changes nothing.",
            discussion: "Sizes and times are estimates. Exit status 1: it should not be begun, and why."
        )

        @Argument(help: "The index.") var index: IndexName = .default
        @OptionGroup var options: RebuildOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let session = try Session()
            let plan = try await IndexPlanText.make(index, options, session)
            try IndexPlanText.write(plan, output)
            if let problem = plan.problems.first { throw CommandFailure(.failed, problem) }
        }
    }

    struct Rebuild: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rebuild",
            abstract: "Make a new version of an index beside the live one.",
            discussion: """
                Maintenance workers do it; everything goes on meanwhile. Vectors of the same model are copied. With --chunk-size or
                --overlap documents are cut anew beside the chunks that answer, from their kept texts. A rebuild that is
                under way is gone on with, whatever the options say. With --auto-swap it answers once its gates say GO; otherwise
                `indexes swap` lets it. For schedules, the same is the kind index.rebuild with {"index":"…","autoSwap":true}.
                """
        )

        @Argument(help: "The index.") var index: IndexName = .default
        @OptionGroup var options: RebuildOptions
        @Flag(name: .long, help: "Swap it in as soon as its gates say GO.") var autoSwap = false
        @Option(name: .long, help: "How long the version before can be gone back to: 2h, 1d.") var soak:
            DurationArgument?
        @Flag(name: .long, help: "Begin although the plan says that there is no room.") var force = false
        @OptionGroup var wait: IndexWaitOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let session = try Session()
            let versions = session.versions
            if let candidate = try await versions.versions(of: index).first(where: { $0.state.isCandidate }) {
                Terminal.say("version \(candidate.number) is \(candidate.state.rawValue) already, and is gone on with")
                _ = try await versions.resume(candidate.id)
                return try await wait.report(candidate, versions, output)
            }
            let plan = try await IndexPlanText.make(index, options, session)
            if let problem = plan.problems.first, !force {
                throw CommandFailure(.failed, "\(problem); --force begins all the same")
            }
            var change = try options.change(session.settings)
            change.isAutoSwap = autoSwap
            change.soak = soak?.duration
            let event = try await Audit.begin(
                "indexes rebuild",
                ["index": index.rawValue, "model": options.model.rawValue, "auto_swap": "\(autoSwap)"],
                reason: nil,
                in: session.store
            )
            let version = try await indexErrors { try await versions.create(in: index, change, completing: nil) }
            try await session.store.audited(event, adding: 1, isOver: true)
            try await wait.report(version, versions, output)
        }
    }
}

/// A plan in figures.
enum IndexPlanText {
    static func make(_ index: IndexName, _ options: RebuildOptions, _ session: Session) async throws -> IndexPlan {
        let change = try options.change(session.settings)
        let (spec, facts) = try await indexErrors { try await session.versions.plan(index, change) }
        return IndexPlan(spec, facts, options.room(session.settings))
    }

    static func write(_ plan: IndexPlan, _ output: OutputOptions) throws {
        if output.json { return try JSON.print(Report(plan)) }
        var table = Table([.init("WHAT"), .init("HOW MUCH", .right)])
        table.add(["chunks", Format.count(plan.rows)])
        table.add(["vectors used again", Format.count(plan.reused)])
        table.add(["chunks to embed", Format.count(plan.toEmbed)])
        table.add(["tokens to embed, about", Format.count(plan.tokens)])
        table.add(["cost", Format.decimal(plan.cost, 2)])
        table.add(["table, about", Format.bytes(plan.tableBytes)])
        table.add(["HNSW index, about", Format.bytes(plan.indexBytes)])
        table.add(["disk wanted meanwhile", Format.bytes(plan.diskBytes)])
        table.add(["memory of the build", "\(Format.count(plan.memoryMegabytes)) MB"])
        table.add(["tenants with a partition", Format.count(plan.partitions)])
        table.add(["time, by earlier rebuilds", Format.seconds(plan.seconds)])
        Terminal.write(table.render())
        for note in plan.notes { Terminal.say(note) }
    }

    private struct Report: Encodable {
        let schema = "sluice.index_plan/v1"
        let chunks: Int
        let reused: Int
        let toEmbed: Int
        let tokens: Int
        let cost: Double
        let tableBytes: Int
        let indexBytes: Int
        let diskBytes: Int
        let memoryMegabytes: Int
        let partitions: Int
        @Explicit var seconds: Double?
        let problems: [String]
        let notes: [String]

        init(_ plan: IndexPlan) {
            chunks = plan.rows
            reused = plan.reused
            toEmbed = plan.toEmbed
            tokens = plan.tokens
            cost = plan.cost
            tableBytes = plan.tableBytes
            indexBytes = plan.indexBytes
            diskBytes = plan.diskBytes
            memoryMegabytes = plan.memoryMegabytes
            partitions = plan.partitions
            seconds = plan.seconds
            problems = plan.problems
            notes = plan.notes
        }
    }
}
