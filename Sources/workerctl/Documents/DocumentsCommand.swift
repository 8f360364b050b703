internal import ArgumentParser
internal import SluiceCore
internal import SluiceStore

struct DocumentsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "documents",
        abstract: "Documents: what became of them, and why.",
        subcommands: [List.self, Show.self, SetAttributes.self, Why.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls",
            abstract: "List a tenant's documents, newest change first."
        )

        @OptionGroup var tenant: TenantOptions
        @Option(name: .long, help: "Only queued, processing, live or failed ones.") var state: String?
        @Option(name: .long, help: "Only those whose last extraction ended so: ok, corrupt, encrypted …") var outcome:
            String?
        @OptionGroup var page: PageOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if let state, !["queued", "processing", "live", "failed"].contains(state) {
                throw ValidationError("'\(state)' is no state of a document: queued, processing, live or failed")
            }
        }

        func run() async throws {
            let documents = try await Session().store.documents(
                tenant: tenant.tenant,
                state: state,
                outcome: outcome,
                limit: page.limit
            )
            if output.json { return try JSON.print(documents.map(DocumentRow.init)) }
            var table = Table([
                .init("ID", .right), .init("STATE"), .init("OUTCOME"), .init("PAGES", .right), .init("CHUNKS", .right),
                .init("VERSION", .right), .init("URI"),
            ])
            for document in documents {
                table.add([
                    "\(document.id)", document.state, document.outcome ?? "-", Format.known(document.pages),
                    Format.known(document.chunks), Format.known(document.versionNumber), document.uri,
                ])
            }
            Terminal.write(table.render())
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract: "Show one document with its versions."
        )

        @Argument(help: "Its number, URI or path.") var document: String
        @OptionGroup var tenant: TenantOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let store = try Session().store
            for record in try await findDocuments(document, tenant.tenant, store) {
                let versions = try await store.versions(of: record.id, tenant: tenant.tenant)
                let said = try await store.attributes(of: record.id, tenant: tenant.tenant)
                if output.json {
                    try JSON.print(
                        Detail(
                            document: DocumentRow(record),
                            attributes: said.map(AttributesRow.init),
                            versions: versions.map(VersionRow.init)
                        )
                    )
                    continue
                }
                Terminal.write(DocumentText.head(record) + (said.map(DocumentText.attributes) ?? ""))
                var table = Table([
                    .init("VERSION", .right), .init("STATE"), .init("PAGES", .right), .init("CHUNKS", .right),
                    .init("KEPT", .right), .init("CACHED", .right), .init("EMBEDDED", .right), .init("LIVE SINCE"),
                ])
                for version in versions {
                    table.add([
                        "\(version.number)", version.state, "\(version.pages)", "\(version.chunks)", "\(version.kept)",
                        "\(version.cached)", "\(version.embedded)", Timestamp.text(version.liveAt) ?? "-",
                    ])
                }
                if !versions.isEmpty { Terminal.write("\n" + table.render()) }
            }
        }

        private struct Detail: Encodable {
            let document: DocumentRow
            @Explicit var attributes: AttributesRow?
            let versions: [VersionRow]
        }
    }

    struct Why: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "why",
            abstract: "Say in words why a document is, or is not, searchable."
        )

        @Argument(help: "Its number, URI or path.") var document: String
        @OptionGroup var tenant: TenantOptions

        func run() async throws {
            let store = try Session().store
            for record in try await findDocuments(document, tenant.tenant, store) {
                Terminal.write(DocumentText.head(record))
                let task = try await record.task.asyncMap { try await store.task($0) }
                let attempts = try await record.task.asyncMap { try await store.attempts(of: $0) } ?? []
                let versions = try await store.versions(of: record.id, tenant: tenant.tenant)
                Terminal.write(DocumentText.why(record, task ?? nil, attempts, versions))
            }
        }
    }
}

/// By number, by URI, and by path.
func findDocuments(_ reference: String, _ tenant: TenantID, _ store: Store) async throws -> [DocumentRecord] {
    var sources = SourceList()
    sources.add(reference, recursive: false)
    for name in [reference] + sources.files.map(SourceList.uri(ofFile:)) + [SourceList.uri(ofFile: reference)] {
        let found = try await store.documents(named: name, tenant: tenant)
        if !found.isEmpty { return found }
    }
    throw CommandFailure(.notFound, "tenant '\(tenant)' has no document '\(reference)'")
}

extension Optional {
    fileprivate func asyncMap<Result>(_ transform: (Wrapped) async throws -> Result) async rethrows -> Result? {
        guard let self else { return nil }
        return try await transform(self)
    }
}
