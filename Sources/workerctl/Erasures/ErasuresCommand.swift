internal import ArgumentParser
internal import SluiceCore
internal import SluiceDocuments
internal import SluiceStore

extension ErasureID: ExpressibleByArgument {
    init?(argument: String) { self.init(text: argument) }
}

struct ErasuresCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "erasures",
        abstract: "What is being forgotten, and the receipts of what was.",
        discussion: """
            A receipt holds no name: it keeps a salted SHA-256 of what was erased. --tenant, and --document with it, find the
            receipts of a name that you know.
            """,
        subcommands: [List.self, Show.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "ls", abstract: "List erasures, newest first.")

        @Option(name: .long, help: "Only the erasures of this tenant, or of --document of it.") var tenant: TenantID?
        @Option(name: .long, help: "Only the erasures of the document with this URI.") var document: String?
        @Option(name: .long, help: "With --document: of which index.") var index: IndexName = .default
        @OptionGroup var page: PageOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let name =
                if let document {
                    ErasureName(uri: document, tenant: tenant ?? .default, index: index.rawValue)
                } else {
                    tenant.map { ErasureName(tenant: $0) }
                }
            let records = try await Session().store.erasures(limit: page.limit) { record in
                guard let name else { return true }
                return record.isOf(name) || document == nil && record.tenant == tenant
            }
            if output.json { return try JSON.print(records.map(ErasureRow.init)) }
            var table = Table([
                .init("ID", .right), .init("WHAT"), .init("STATE"), .init("ROWS", .right), .init("ASKED"),
                .init("COMPLETED"), .init("WHO"),
            ])
            for record in records {
                table.add([
                    "\(record.id)", record.scope, record.completedAt == nil ? "under way" : "erased",
                    Format.count(record.counts.reduce(0) { $0 + $1.rows }), Timestamp.text(record.requestedAt),
                    Timestamp.text(record.completedAt) ?? "-", record.who,
                ])
            }
            Terminal.write(table.render())
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract: "Show one erasure: what was removed, and when."
        )

        @Argument(help: "Its number.") var id: ErasureID
        @OptionGroup var output: OutputOptions

        func run() async throws { try await ErasuresCommand.show([id], output, try Session().store) }
    }

    static func show(_ ids: [ErasureID], _ output: OutputOptions, _ store: Store) async throws {
        var rows: [ErasureRow] = []
        for id in ids {
            guard let record = try await store.erasures(id, limit: 1).first else {
                throw CommandFailure(.notFound, "there is no erasure \(id)")
            }
            rows.append(ErasureRow(record))
        }
        if output.json {
            if rows.count == 1 { return try JSON.print(rows[0]) }
            return try JSON.print(rows)
        }
        for row in rows {
            Terminal.write(
                """
                erasure \(row.id): a \(row.scope), \(row.state.replacingUnderscores)
                asked      \(row.requestedAt) by \(row.who)
                completed  \(row.completedAt ?? "-")
                digest     \(row.subjectSha256) (salt \(row.salt))

                """
            )
            var table = Table([.init("REMOVED FROM"), .init("ROWS", .right)])
            for (name, count) in row.removed.sorted(by: { $0.key < $1.key }) { table.add([name, Format.count(count)]) }
            if !row.removed.isEmpty { Terminal.write(table.render()) }
        }
    }
}

extension String {
    fileprivate var replacingUnderscores: String { String(map { $0 == "_" ? " " : $0 }) }
}

struct ErasureRow: Encodable {
    let schema = "sluice.erasure/v1"
    let id: String
    let scope: String
    let state: String
    let requestedAt: String
    @Explicit var completedAt: String?
    let who: String
    @Explicit var task: String?
    let salt: String
    let subjectSha256: String
    let removed: [String: Int]

    init(_ record: ErasureRecord) {
        id = "\(record.id)"
        scope = record.scope
        state = record.completedAt == nil ? "under_way" : "erased"
        requestedAt = Timestamp.text(record.requestedAt)
        _completedAt = Explicit(wrappedValue: Timestamp.text(record.completedAt))
        who = record.who
        _task = Explicit(wrappedValue: record.task.map { "\($0)" })
        salt = record.salt.hexadecimal
        subjectSha256 = record.subject.hexadecimal
        removed = Dictionary(record.counts.map { ($0.table, $0.rows) }) { $0 + $1 }
    }
}
