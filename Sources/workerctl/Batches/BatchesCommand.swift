internal import ArgumentParser
internal import SluiceCore
internal import SluiceStore

struct BatchesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "batches",
        abstract: "Batches: what belongs together, and how far it is.",
        subcommands: [List.self, Show.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls",
            abstract: "List a tenant's batches, newest first."
        )

        @OptionGroup var tenant: TenantOptions
        @OptionGroup var page: PageOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let batches = try await Session().store.batches(tenant: tenant.tenant, limit: page.limit)
            if output.json { return try JSON.print(batches.map(BatchRow.init)) }
            var table = Table([
                .init("BATCH", .right), .init("TOTAL", .right), .init("PENDING", .right), .init("COMPLETED", .right),
                .init("DEAD", .right), .init("CANCELLED", .right), .init("CREATED"), .init("STATE"), .init("LABEL"),
            ])
            for batch in batches {
                table.add([
                    "\(batch.id)", Format.count(batch.total), Format.count(batch.pending),
                    Format.count(batch.completed), Format.count(batch.dead), Format.count(batch.cancelled),
                    Timestamp.text(batch.createdAt), BatchRow.state(of: batch), batch.label,
                ])
            }
            Terminal.write(table.render())
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract: "Show one batch with its documents' results."
        )

        @Argument(help: "The batch's number.") var id: BatchID
        @OptionGroup var tenant: TenantOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let session = try Session()
            guard let batch = try await session.store.batch(id, tenant: tenant.tenant) else {
                throw CommandFailure(.notFound, "tenant '\(tenant.tenant)' has no batch \(id)")
            }
            let state = try await session.documents.ingestState(id, tenant: tenant.tenant)
            if output.json { return try JSON.print(Detail(batch: BatchRow(batch), documents: state.results)) }
            var text = "batch \(batch.id)  \(Table.printable(batch.label))\n  state      \(BatchRow.state(of: batch))\n"
            text += "  tasks      \(batch.total): \(batch.pending) pending, \(batch.completed) completed, "
            text += "\(batch.dead) dead, \(batch.cancelled) cancelled\n"
            if state.documents > 0 {
                let results = state.results.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
                text += "  documents  \(state.documents): \(results.joined(separator: ", "))"
                text += state.done < state.documents ? ", \(state.documents - state.done) under way\n" : "\n"
                text +=
                    "  chunks     \(state.chunks) of \(state.pages) pages: \(state.kept) kept, \(state.cached) cached, "
                text += "\(state.embedded) embedded\n"
            }
            text += "  created    \(Timestamp.text(batch.createdAt))\n"
            if let finished = Timestamp.text(batch.finishedAt) { text += "  finished   \(finished)\n" }
            Terminal.write(text)
        }

        private struct Detail: Encodable {
            let batch: BatchRow
            let documents: [String: Int]
        }
    }
}

struct BatchRow: Encodable {
    let id: String
    let tenant: String
    let label: String
    let state: String
    let total: Int
    let pending: Int
    let completed: Int
    let dead: Int
    let cancelled: Int
    let createdAt: String
    @Explicit var finishedAt: String?

    init(_ batch: BatchProgress) {
        id = "\(batch.id)"
        tenant = batch.tenant.rawValue
        label = batch.label
        state = Self.state(of: batch)
        total = batch.total
        pending = batch.pending
        completed = batch.completed
        dead = batch.dead
        cancelled = batch.cancelled
        createdAt = Timestamp.text(batch.createdAt)
        _finishedAt = Explicit(wrappedValue: Timestamp.text(batch.finishedAt))
    }

    static func state(of batch: BatchProgress) -> String {
        if batch.finishedAt != nil { return "finished" }
        if batch.pending == 0, batch.dead > 0 { return "blocked by \(batch.dead) dead letters" }
        return batch.dead > 0 ? "running, \(batch.dead) dead letters" : "running"
    }
}
