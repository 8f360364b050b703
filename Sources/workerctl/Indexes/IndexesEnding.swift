internal import ArgumentParser
internal import SluiceCore
internal import SluiceDocuments
internal import SluiceStore

extension IndexesCommand {
    struct Abort: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "abort",
            abstract: "Give up the version that is on its way; its table is dropped."
        )

        @OptionGroup var target: Target
        @Option(name: .long, help: "Why, for those who come after you.") var reason: String?
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let session = try Session()
            let version = try await target.find(session.versions, "on its way") { $0.state.isCandidate }
            let named = ["index": version.indexName.rawValue, "version": "\(version.number)"]
            let event = try await Audit.begin("indexes abort", named, reason: reason, in: session.store)
            _ = try await indexErrors {
                try await session.versions.advance(
                    version.id,
                    .aborted,
                    IndexVersionFacts(),
                    reason: reason,
                    fence: nil
                )
            }
            try await session.store.audited(event, adding: 1, isOver: true)
            try await IndexWaitOptions.show(version, session.versions, output)
        }
    }

    struct Retire: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "retire",
            abstract: "Drop the table of a version that soaks, failed or was aborted.",
            discussion: """
                By itself it happens when the soak is over. With --now it happens at once: then there is nothing to go back to.
                Readers that hold the table are waited for a moment; exit status 69 says to try again.
                """
        )

        @OptionGroup var target: Target
        @Flag(name: .long, help: "Although its soak is not over.") var now = false
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let session = try Session()
            let version = try await target.find(session.versions, "to retire") {
                $0.state == .soaking || ($0.state.isFinal && $0.droppedAt == nil)
            }
            let named = ["index": version.indexName.rawValue, "version": "\(version.number)", "now": "\(now)"]
            let event = try await Audit.begin("indexes retire", named, reason: nil, in: session.store)
            var retirement = Retirement.clearing
            while retirement == .clearing {
                retirement = try await indexErrors {
                    try await session.versions.retire(version.id, isForced: now, fence: nil)
                }
            }
            switch retirement {
            case .dropped, .wasDropped, .clearing: break
            case .later(let left):
                throw CommandFailure(
                    .failed,
                    "version \(version.number) soaks for another \(Format.seconds(left.inSeconds)); --now does not wait"
                )
            case .needed:
                throw CommandFailure(.failed, "version \(version.number) is \(version.state.rawValue): it is needed")
            }
            try await session.store.audited(event, adding: 1, isOver: true)
            try await IndexWaitOptions.show(version, session.versions, output)
        }
    }
}

/// Whether a command waits for what it began.
struct IndexWaitOptions: ParsableArguments {
    @Flag(name: .long, help: "Wait until the version is ready, answers, or failed.") var wait = false
    @Option(name: .long, help: "With --wait: give up after this long: 30s, 10m, 6h.") var timeout: DurationArgument?

    /// Shows the version, with --wait when it has come to its end: ready, or live where it swaps itself in.
    func report(_ version: IndexVersionRecord, _ versions: PostgresIndexVersions, _ output: OutputOptions) async throws
    {
        guard wait else { return try await Self.show(version, versions, output) }
        let started = Instant.now
        var failures = 0
        var shown = ""
        while true {
            do {
                guard let current = try await versions.version(version.id) else {
                    throw CommandFailure.noIndex(version.indexName)
                }
                failures = 0
                let line =
                    "version \(current.number) is \(current.state.rawValue), "
                    + "\(Format.count(current.copied + current.embedded)) of \(Format.count(current.planned)) vectors"
                    + (current.problem.map { ": \($0)" } ?? "")
                if line != shown { Terminal.say(line) }
                shown = line
                let isOver = current.state == .ready && !current.spec.isAutoSwap
                if isOver || current.state == .live || current.state == .soaking {
                    return try IndexVersionText.write([current], output)
                }
                if current.state.isFinal {
                    try IndexVersionText.write([current], output)
                    throw CommandFailure(.failed, "version \(current.number) \(current.state.rawValue)")
                }
            } catch  where error.isTransientFailure && failures < 60 {
                // A restart of the server must not end the wait.
                failures += 1
            }
            if let timeout, started.elapsed >= timeout.duration {
                throw CommandFailure(
                    .partial,
                    "version \(version.number) is still on its way; it goes on without this command"
                )
            }
            try await Task.sleep(for: .milliseconds(500))
        }
    }

    static func show(
        _ version: IndexVersionRecord,
        _ versions: PostgresIndexVersions,
        _ output: OutputOptions
    ) async throws {
        try IndexVersionText.write([try await versions.version(version.id) ?? version], output)
    }
}
