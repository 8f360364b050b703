internal import ArgumentParser
internal import SluiceCore
internal import SluiceStore

struct BatchesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "batches",
        abstract: "Batches: what belongs together, and how far it is.",
        subcommands: [List.self, Show.self, Create.self, Cancel.self, Wait.self]
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
            abstract: "Show one batch: the tree of its workflow, its documents' results, what blocks it."
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
            let nodes = batch.isWorkflow ? try await session.store.workflowNodes(id) : []
            let blockers = try await session.store.blockers(of: id)
            let letters = blockers.isBlocked ? blockers.letters : 0
            if output.json {
                return try JSON.print(
                    Detail(
                        batch: BatchRow(batch),
                        documents: state.results,
                        deadLetters: blockers.letters,
                        blocked: letters > 0,
                        nodes: nodes.map(WorkflowNodeRow.init)
                    )
                )
            }
            var text = BatchTree.render(batch, nodes, letters)
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
            let deadLetters: Int
            let blocked: Bool
            let nodes: [WorkflowNodeRow]
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
    let skipped: Int
    let onDead: String
    @Explicit var parent: String?
    @Explicit var outcome: String?
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
        skipped = batch.skipped
        onDead = batch.onDead
        _parent = Explicit(wrappedValue: batch.parent.map { "\($0)" })
        _outcome = Explicit(wrappedValue: batch.outcome?.rawValue)
        createdAt = Timestamp.text(batch.createdAt)
        _finishedAt = Explicit(wrappedValue: Timestamp.text(batch.finishedAt))
    }

    /// - Parameter blockedBy: dead letters in it and inside it, where nothing else moves.
    static func state(of batch: BatchProgress, blockedBy letters: Int = 0) -> String {
        switch batch.outcome {
        case .completed: return "finished"
        case .failed: return "failed, \(batch.dead) dead"
        case .cancelled: return "cancelled"
        case .skipped: return "skipped"
        case nil: break
        }
        if batch.pending == 0, batch.dead > 0 { return "blocked by \(batch.dead) dead letters" }
        if letters > 0 { return "blocked by \(letters) dead letters" }
        if batch.isCancelRequested { return "being cancelled" }
        return batch.dead > 0 ? "running, \(batch.dead) dead letters" : "running"
    }
}
