internal import ArgumentParser
internal import SluiceCore
internal import SluiceStore

/// What every command needs that acts on many dead letters at once.
struct DeadLetterBulkOptions: ParsableArguments {
    @Flag(name: .long, help: "Without numbers and filters: all of them.") var all = false
    @Flag(name: .long, help: "Show how many it would be, with a sample, and change nothing.") var dryRun = false
    @Flag(name: .long, help: "Do not ask.") var yes = false
    @Option(name: .long, help: "Why; kept in the audit.") var reason: String?
    @Option(name: .long, help: "Act on at most this many.") var limit: Int?

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit must be 1 or more") }
    }
}

/// One bulk command on dead letters: counts, asks, works in chunks, and keeps one audit event up to date.
struct BulkAction {
    /// "retry" or "purge".
    let verb: String
    let filter: DeadLetterFilter
    /// By option, for the audit.
    let named: [String: String]
    let options: DeadLetterBulkOptions
    let output: OutputOptions
    let session: Session

    /// Rows of one transaction.
    static let chunk = 1_000

    /// - Parameter act: works on one chunk: given its filter, its size and how many were done before. Returns how many it did
    ///   and the filter of the next one, nil after the last.
    func run(
        _ act: (DeadLetterFilter, Int, Int) async throws -> (count: Int, next: DeadLetterFilter?)
    ) async throws -> Int? {
        if filter.isUnbounded && !options.all {
            throw CommandFailure(.usage, "name dead letters or a filter; --all means all of them")
        }
        let found = try await session.store.countDeadLetters(filter)
        let count = min(found, options.limit ?? .max)
        if options.dryRun {
            if output.json {
                try JSON.print(["count": count])
                return nil
            }
            Terminal.write("\(Format.count(count)) dead letters would be \(verb)d\n")
            try await sample()
            return nil
        }
        if count > 0 && !options.yes { try await ask(count) }
        if count == 0 { return 0 }
        return try await perform(count, act)
    }

    private func perform(
        _ limit: Int,
        _ act: (DeadLetterFilter, Int, Int) async throws -> (count: Int, next: DeadLetterFilter?)
    ) async throws -> Int {
        let event = try await Audit.begin("dlq \(verb)", named, reason: options.reason, in: session.store)
        var done = 0
        var next: DeadLetterFilter? = filter
        while let filter = next, done < limit {
            let result = try await act(filter, min(Self.chunk, limit - done), done)
            done += result.count
            next = result.next
            try await session.store.audited(event, adding: result.count, isOver: false)
            if next != nil, Terminal.errorIsTerminal, done >= Self.chunk {
                Terminal.repaint("\(Format.count(done)) of \(Format.count(limit))")
            }
        }
        if Terminal.errorIsTerminal, done > Self.chunk { Terminal.repaint("") }
        try await session.store.audited(event, adding: 0, isOver: true)
        return done
    }

    private func ask(_ count: Int) async throws {
        guard Terminal.inputIsTerminal else {
            throw CommandFailure(
                .usage,
                "\(Format.count(count)) dead letters fit; give --yes to \(verb) them without being asked, --dry-run to look"
            )
        }
        Terminal.say("\(Format.count(count)) dead letters, among them:")
        try await sample()
        Terminal.repaint("\(verb) them? [y/N] ")
        guard let answer = readLine(), ["y", "yes"].contains(answer.lowercased()) else {
            throw CommandFailure(.interrupted, "nothing was changed")
        }
    }

    private func sample() async throws {
        for letter in try await session.store.deadLetters(filter, limit: 5) {
            Terminal.say(
                Table.printable(
                    "  \(letter.id)  \(letter.kind)  \(letter.errorClass): \(letter.errorMessage.prefix(100))"
                )
            )
        }
    }
}
