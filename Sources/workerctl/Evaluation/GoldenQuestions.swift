internal import ArgumentParser
internal import SluiceCore
internal import SluiceDocuments
internal import SluiceStore

extension GoldenCommand {
    struct Questions: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "questions",
            abstract: "List what readers asked and was kept, newest first.",
            discussion: """
                'workerctl indexes questions' says whether any are kept; 'workerctl golden promote' makes one a golden query.
                """
        )

        @Argument(help: "The index.") var index: IndexName = .default
        @Option(name: .long, help: "Only of this tenant.") var tenant: TenantID?
        @OptionGroup var page: PageOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let questions = try await PostgresQuestionStore(try Session().store)
                .questions(of: index, tenant: tenant, limit: page.limit)
            if output.json { return try JSON.print(questions.map(Row.init)) }
            var table = Table([
                .init("ID", .right), .init("DAY"), .init("TENANT"), .init("ASKED", .right), .init("MODE"),
                .init("QUESTION"),
            ])
            for question in questions {
                table.add([
                    "\(question.id)", question.day, question.tenant.rawValue, Format.count(question.asked),
                    question.mode, question.text,
                ])
            }
            Terminal.write(table.render())
        }

        private struct Row: Encodable {
            let id: Int64
            let day: String
            let tenant: String
            let asked: Int
            let mode: String
            let question: String

            init(_ question: LoggedQuestion) {
                (id, day, tenant) = (question.id, question.day, question.tenant.rawValue)
                (asked, mode, self.question) = (question.asked, question.mode, question.text)
            }
        }
    }

    struct Promote: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "promote",
            abstract: "Make a question that was kept a golden query, with its right answer.",
            discussion: """
                For example: workerctl golden promote 4711 --name support --document prices.pdf --page 3

                A set of this name is added to, or begun. Given again with another document, the question has both as answers. The
                evidence of earlier gate runs is stale then.
                """
        )

        @Argument(help: "The question's number, from 'workerctl golden questions'.") var id: Int64
        @Option(name: .long, help: "The golden set.") var name: String
        @Option(name: .long, help: "The right document: the last part of its URI, with or without ending.")
        var document: String?
        @Option(name: .long, help: "The right document, by its whole URI.") var uri: String?
        @Option(name: .long, help: "The right page of it, from 1.") var page: Int?
        @Option(name: .long, help: "How right, above 0, at most 1000.") var grade = 1.0
        @Option(name: .long, help: "What it is counted under in figures.") var slice = ""
        @Option(name: .long, help: "The index.") var index: IndexName = .default

        func validate() throws {
            guard (document == nil) != (uri == nil) else { throw ValidationError("give either --document or --uri") }
            guard NameRule.accepts(name) else { throw ValidationError("--name: \(NameRule.sentence)") }
            guard grade > 0, grade <= 1_000 else { throw ValidationError("--grade is above 0 and at most 1000") }
            if let page, page < 1 { throw ValidationError("--page is from 1 on") }
            guard slice.utf8.count <= 200 else { throw ValidationError("--slice has at most 200 bytes") }
        }

        func run() async throws {
            let store = try Session().store
            guard let question = try await PostgresQuestionStore(store).question(id, of: index) else {
                throw CommandFailure(
                    .notFound,
                    "index '\(index)' has kept no question \(id); workerctl golden questions"
                )
            }
            let answer: GoldenRelevant.Document? = uri.map { .uri($0) } ?? document.map { .name($0) }
            guard let answer else { return }
            let query = GoldenQuery(
                tenant: question.tenant,
                text: question.text,
                slice: slice,
                relevant: [GoldenRelevant(answer, page: page, grade: grade)]
            )
            let golden = PostgresGoldenStore(store)
            guard let count = try await golden.addGolden(query, to: name, of: index) else {
                throw CommandFailure(.notFound, "there is no index '\(index)'")
            }
            Terminal.write("golden set \(name) of index \(index): \(Format.count(count)) queries\n")
            let strays = try await golden.strayAnswers(of: name, in: index)
            if strays > 0 {
                Terminal.say("\(Format.count(strays)) answers name no document of their tenant in index \(index) (yet)")
            }
        }
    }
}
