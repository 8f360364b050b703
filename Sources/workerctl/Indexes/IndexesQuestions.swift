internal import ArgumentParser
internal import SluiceCore
internal import SluiceDocuments
internal import SluiceStore

extension IndexesCommand {
    struct Questions: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "questions",
            abstract: "Keep a sample of what readers ask of an index, for gates to ask again.",
            discussion: """
                For example: workerctl indexes questions default --on --percent 10 --per-day 200 --days 30

                Off by default. Kept are the question's text and its mode, by tenant and day; not who asked, with what filter, or what
                was found. The task retention.sweep removes them after --days, an erasure of the tenant at once. --off forgets
                all of them. Readers know within half a minute. 'workerctl golden questions' lists them.

                Exit status: 4 there is no such index.
                """
        )

        @Argument(help: "The index.") var index: IndexName = .default
        @Flag(name: .long, help: "Keep questions from now on.") var on = false
        @Flag(name: .long, help: "Keep none, and forget those that were kept.") var off = false
        @Option(name: .long, help: "Of a hundred questions, 1 to 100; 10 by default.") var percent: Int?
        @Option(name: .long, help: "Different ones of a tenant and day at most, 1 to 100000; 200 by default.")
        var perDay: Int?
        @Option(name: .long, help: "For how many days, 1 to 3650; 30 by default.") var days: Int?
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if on && off { throw ValidationError("either --on or --off") }
            guard on || (percent ?? perDay ?? days) == nil else {
                throw ValidationError("--percent, --per-day and --days go with --on")
            }
            if let percent, !QuestionLogPolicy.percents.contains(percent) {
                throw ValidationError("--percent must be 1 to 100")
            }
            if let perDay, !QuestionLogPolicy.perDays.contains(perDay) {
                throw ValidationError("--per-day must be 1 to 100000")
            }
            if let days, !QuestionLogPolicy.dayCounts.contains(days) {
                throw ValidationError("--days must be 1 to 3650")
            }
        }

        func run() async throws {
            let session = try Session()
            let questions = PostgresQuestionStore(session.store)
            guard try await session.indexes.index(index) != nil else {
                throw CommandFailure(
                    .notFound,
                    "there is no index '\(index)'; workerctl indexes ls shows what there is"
                )
            }
            if on || off { try await change(session.store, questions) }
            let policy = try await questions.questionLog(of: index)
            if output.json { return try JSON.print(Row(index: index, policy)) }
            guard let policy else { return Terminal.write("index \(index) keeps no questions\n") }
            Terminal.write(
                "index \(index) keeps \(policy.percent) % of its questions, \(Format.count(policy.perDay)) a tenant and day "
                    + "at most, for \(Format.count(policy.days)) days\n"
            )
        }

        private func change(_ store: Store, _ questions: PostgresQuestionStore) async throws {
            var policy = try await questions.questionLog(of: index) ?? QuestionLogPolicy()
            policy.percent = percent ?? policy.percent
            policy.perDay = perDay ?? policy.perDay
            policy.days = days ?? policy.days
            let event = try await Audit.begin(
                "indexes questions",
                [
                    "index": index.rawValue, "keeps": on ? "\(policy.percent) %" : "none", "days": "\(policy.days)",
                ],
                reason: nil,
                in: store
            )
            let isDone = try await questions.setQuestionLog(on ? policy : nil, of: index)
            try await store.audited(event, adding: isDone ? 1 : 0, isOver: true)
        }

        private struct Row: Encodable {
            let schema = "sluice.question_log/v1"
            let index: String
            let keeps: Bool
            @Explicit var percent: Int?
            @Explicit var perDay: Int?
            @Explicit var days: Int?

            enum CodingKeys: String, CodingKey { case schema, index, keeps, percent, perDay, days }

            init(index: IndexName, _ policy: QuestionLogPolicy?) {
                self.index = index.rawValue
                keeps = policy != nil
                _percent = Explicit(wrappedValue: policy?.percent)
                _perDay = Explicit(wrappedValue: policy?.perDay)
                _days = Explicit(wrappedValue: policy?.days)
            }
        }
    }
}
