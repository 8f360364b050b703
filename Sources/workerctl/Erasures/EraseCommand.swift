internal import ArgumentParser
internal import SluiceCore
internal import SluiceDocuments
internal import SluiceStore

struct EraseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "erase",
        abstract: "Forget a tenant or a document for good: the right to be forgotten.",
        discussion: """
            For example: workerctl erase tenant acme --confirm acme --wait
                         workerctl erase document /srv/papers/a.pdf --tenant acme --yes

            From now on nothing is stored for it; a worker of the queue 'maintenance' removes everything that is, in steps. The
            receipt says what and when: workerctl erasures show ID.
            """,
        subcommands: [OfTenant.self, OfDocument.self]
    )

    struct OfTenant: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "tenant",
            abstract: "Forget a tenant: documents, vectors, tasks, schedules, limits and all else."
        )

        @Argument(help: "The tenant.") var name: TenantID
        @Option(name: .long, help: "Its name once more.") var confirm: String
        @OptionGroup var waiting: WaitOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard confirm == name.rawValue else {
                throw ValidationError("--confirm says '\(confirm)', not '\(name)'; nothing was changed")
            }
        }

        func run() async throws {
            let session = try Session()
            guard try await session.store.tenant(name) != nil else {
                throw CommandFailure(.notFound, "there is no tenant '\(name)'")
            }
            try await EraseCommand.erase(
                [(.tenant(name), ErasureName(tenant: name))],
                "erase tenant",
                waiting,
                output,
                session
            )
        }
    }

    struct OfDocument: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "document",
            abstract: "Forget documents with all of their versions and ingests.",
            discussion: "A source that is in several indexes is forgotten in all of them."
        )

        @Argument(help: "Numbers, URIs or paths.") var documents: [String]
        @OptionGroup var tenant: TenantOptions
        @Flag(name: .long, help: "Do not ask.") var yes = false
        @OptionGroup var waiting: WaitOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let session = try Session()
            var records: [DocumentRecord] = []
            for reference in documents {
                records += try await findDocuments(reference, tenant.tenant, session.store)
            }
            if !yes {
                guard Terminal.inputIsTerminal else {
                    throw CommandFailure(.usage, "give --yes to erase \(records.count) documents without being asked")
                }
                for record in records { Terminal.say("\(record.id)  \(record.index)  \(Table.printable(record.uri))") }
                Terminal.ask("erase \(records.count) documents for good? [y/N] ")
                guard let answer = readLine(), ["y", "yes"].contains(answer.lowercased()) else {
                    throw CommandFailure(.interrupted, "nothing was changed")
                }
            }
            try await EraseCommand.erase(
                records.map { record in
                    (
                        .document(record.id, tenant: record.tenant, uri: record.uri),
                        ErasureName(uri: record.uri, tenant: record.tenant, index: record.index)
                    )
                },
                "erase document",
                waiting,
                output,
                session
            )
        }
    }

    /// Requests, notes in the audit without any name, and waits where that is wanted.
    private static func erase(
        _ subjects: [(ErasureSubject, ErasureName)],
        _ command: String,
        _ waiting: WaitOptions,
        _ output: OutputOptions,
        _ session: Session
    ) async throws {
        var ids: [ErasureID] = []
        let announce = session.announce
        // Before the first, so that an erasure whose command was cut off is in the audit too.
        let event = try await Audit.begin(command, ["asked": "\(subjects.count)"], reason: nil, in: session.store)
        for (subject, name) in subjects {
            let request = try await session.store.erase(subject, name: name, who: Audit.who())
            ids.append(request.id)
            try await session.store.audited(event, adding: 1, isOver: false)
            if let task = request.task { await announce([task]) }
        }
        try await session.store.audited(event, adding: 0, isOver: true)
        if waiting.wait { try await waiting.wait(for: ids, session.store) }
        try await ErasuresCommand.show(ids, output, session.store)
    }
}

struct WaitOptions: ParsableArguments {
    @Flag(name: .long, help: "Wait until it is complete.") var wait = false
    @Option(name: .long, help: "With --wait: give up waiting after this many seconds; it goes on.") var timeout: Int?

    func validate() throws {
        if let timeout, timeout < 1 { throw ValidationError("--timeout must be at least 1 second") }
    }

    func wait(for ids: [ErasureID], _ store: Store) async throws {
        let clock = ContinuousClock()
        let last = timeout.map { clock.now + .seconds($0) }
        for id in ids {
            while try await store.erasures(id, limit: 1).first?.completedAt == nil {
                if let last, clock.now >= last {
                    throw CommandFailure(.partial, "erasure \(id) goes on; look with: workerctl erasures show \(id)")
                }
                try await Task.sleep(for: .milliseconds(300))
            }
        }
    }
}
