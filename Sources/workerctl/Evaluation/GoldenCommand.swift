internal import ArgumentParser
internal import FoundationEssentials
internal import SluiceCore
internal import SluiceDocuments
internal import SluiceStore

struct GoldenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "golden",
        abstract: "Questions with known answers, by which versions of an index are compared.",
        subcommands: [Import.self, List.self, Remove.self, Questions.self, Promote.self]
    )

    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "import",
            abstract: "Make a set hold exactly the queries of a file or folder.",
            discussion: """
                For example: workerctl golden import questions.jsonl --index default --name support

                A file has one object a line: {"query": "…", "tenant": "acme", "slice": "billing",
                "relevant": [{"uri": "file:///data/a.pdf", "page": 3}, {"document": "b.md", "grade": 2}]}. 'uri' is the
                document's own, 'document' the last part of it, with or without ending; tenant, slice, page and grade may be
                left out. A folder has the form of BEIR: queries.jsonl and qrels.tsv (or qrels/test.tsv).

                The same again changes nothing. A change makes the evidence of earlier gate runs stale.
                """
        )

        @Argument(help: "A .jsonl file, or a folder in the form of BEIR.") var path: String
        @Option(name: .long, help: "The set's name; by default that of the file or folder.") var name: String?
        @Option(name: .long, help: "The index.") var index: IndexName = .default
        @OptionGroup var tenant: TenantOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let set = try setName()
            let queries: [GoldenQuery]
            do {
                queries = try read()
            } catch let error as GoldenFileError {
                throw CommandFailure(.failed, error.description)
            }
            let store = PostgresGoldenStore(try Session().store)
            let imported = try await store.importGolden(
                queries,
                as: set,
                into: index,
                digest: GoldenQuery.digest(of: queries)
            )
            guard let imported else { throw CommandFailure(.notFound, "there is no index '\(index)'") }
            let strays = try await store.strayAnswers(of: set, in: index)
            if output.json {
                return try JSON.print(
                    Imported(
                        index: index.rawValue,
                        name: set,
                        queries: queries.count,
                        changed: imported,
                        strayAnswers: strays
                    )
                )
            }
            Terminal.write(
                "golden set \(set) of index \(index): \(Format.count(queries.count)) queries"
                    + (imported ? "\n" : ", unchanged\n")
            )
            if strays > 0 {
                Terminal.say("\(Format.count(strays)) answers name no document of their tenant in index \(index) (yet)")
            }
        }

        private struct Imported: Encodable {
            let schema = "sluice.golden_import/v1"
            let index: String
            let name: String
            let queries: Int
            let changed: Bool
            /// Answers that name no document that is there.
            let strayAnswers: Int

            enum CodingKeys: String, CodingKey { case schema, index, name, queries, changed, strayAnswers }
        }

        private func setName() throws -> String {
            let last = path.split(separator: "/").last.map(String.init) ?? ""
            let given = name ?? String(last.prefix { $0 != "." }).lowercased()
            guard NameRule.accepts(given) else {
                throw CommandFailure(
                    .usage,
                    "'\(given)' is no name for a set; give one with --name: \(NameRule.sentence)"
                )
            }
            return given
        }

        private func read() throws -> [GoldenQuery] {
            var isFolder = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
                throw CommandFailure(.failed, "there is no file or folder '\(path)'")
            }
            guard isFolder else { return try GoldenFile.parse(try text(path), named: path, tenant: tenant.tenant) }
            let qrels = [path + "/qrels.tsv", path + "/qrels/test.tsv"]
            guard let judged = qrels.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
                throw CommandFailure(.failed, "'\(path)' has neither qrels.tsv nor qrels/test.tsv")
            }
            let queries = path + "/queries.jsonl"
            return try GoldenFile.parseBEIR(
                queries: (try text(queries), queries),
                qrels: (try text(judged), judged),
                tenant: tenant.tenant
            )
        }

        private func text(_ path: String) throws -> String {
            guard let data = try? Data(contentsOf: URL(filePath: path)) else {
                throw CommandFailure(.failed, "'\(path)' cannot be read")
            }
            guard data.count <= 256 << 20, let text = String(validating: data, as: UTF8.self) else {
                throw CommandFailure(.failed, "'\(path)' is above 256 MB or no UTF-8")
            }
            return text
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "ls", abstract: "List the sets of an index.")

        @Argument(help: "The index.") var index: IndexName = .default
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let sets = try await PostgresGoldenStore(try Session().store).goldenSets(of: index)
            if output.json { return try JSON.print(sets.map(Row.init)) }
            var table = Table([
                .init("SET"), .init("QUERIES", .right), .init("TENANTS", .right), .init("SLICES", .right),
                .init("IMPORTED"),
            ])
            for set in sets {
                table.add([
                    set.name, Format.count(set.queries), Format.count(set.tenants), Format.count(set.slices),
                    Timestamp.text(set.importedAt),
                ])
            }
            Terminal.write(table.render())
        }

        private struct Row: Encodable {
            let name: String
            let queries: Int
            let tenants: Int
            let slices: Int
            let importedAt: String

            init(_ set: GoldenSet) {
                (name, queries, tenants, slices) = (set.name, set.queries, set.tenants, set.slices)
                importedAt = Timestamp.text(set.importedAt)
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "rm", abstract: "Remove a set with its queries.")

        @Argument(help: "The set.") var name: String
        @Option(name: .long, help: "The index.") var index: IndexName = .default

        func run() async throws {
            guard try await PostgresGoldenStore(try Session().store).removeGolden(name, of: index) else {
                throw CommandFailure(.notFound, "index '\(index)' has no golden set '\(name)'")
            }
            Terminal.write("golden set \(name) of index \(index) removed\n")
        }
    }
}
