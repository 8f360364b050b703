internal import ArgumentParser
internal import SluiceCore
internal import SluiceDocuments
internal import SluiceStore

extension CanaryShare: ExpressibleByArgument {}

extension IndexesCommand {
    struct Canary: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "canary",
            abstract: "Let the version that waits to be swapped in answer a share of the questions.",
            discussion: """
                For example: workerctl indexes canary default --percent 5 --by question

                The version must be ready: the gates have said GO. Readers without its model go on with the live version. When its
                searches fail, come back empty, or take long, more than the live version's, it ends by itself after 50 searches
                or more, with an event. Without options it is shown.

                Exit status: 1 no version is ready, 4 there is no such index, or no canary.
                """
        )

        @Argument(help: "The index.") var index: IndexName = .default
        @Option(name: .long, help: "Of a hundred questions, 1 to 100.") var percent: Int?
        @Option(name: .long, help: "Divided by tenant or by question.") var by: CanaryShare = .tenant
        @Flag(name: .long, help: "End it: the live version answers everything again.") var off = false
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if let percent, !(1...100).contains(percent) { throw ValidationError("--percent must be 1 to 100") }
            if off && percent != nil { throw ValidationError("either --percent or --off") }
        }

        func run() async throws {
            let session = try Session()
            let store = session.store
            guard try await !session.versions.versions(of: index).isEmpty else {
                throw CommandFailure(.notFound, "there is no index '\(index)'")
            }
            let canaries = PostgresCanaries(store)
            if off {
                let event = try await Audit.begin(
                    "indexes canary",
                    ["index": index.rawValue, "off": "true"],
                    reason: nil,
                    in: store
                )
                let ended = try await canaries.end(index, reason: "by \(Audit.who())")
                try await store.audited(event, adding: ended ? 1 : 0, isOver: true)
                guard ended else { throw CommandFailure(.notFound, "index '\(index)' has no canary") }
                return Terminal.write("the canary of index \(index) has ended\n")
            }
            if let percent {
                let named = ["index": index.rawValue, "percent": "\(percent)", "by": by.rawValue]
                let event = try await Audit.begin("indexes canary", named, reason: nil, in: store)
                let begun = try await canaries.set(index, percent: percent, by: by)
                try await store.audited(event, adding: begun ? 1 : 0, isOver: true)
                guard begun else {
                    throw CommandFailure(
                        .failed,
                        "no version of index '\(index)' is ready: workerctl indexes ls shows their states"
                    )
                }
            }
            guard let canary = try await canaries.canary(of: index) else {
                throw CommandFailure(.notFound, "index '\(index)' has no canary")
            }
            if output.json { return try JSON.print(Row(canary)) }
            Terminal.write(
                "version \(canary.number) answers \(canary.percent) % of index \(index), by \(canary.share.rawValue)"
                    + (canary.isActive ? "" : ", but it is not ready any more: the live version answers all") + "\n"
            )
            var table = Table([
                .init("ANSWERED BY"), .init("SEARCHES", .right), .init("FAILED", .right), .init("EMPTY", .right),
                .init("P95 MS", .right),
            ])
            for (name, counts) in [("canary", canary.counts), ("live", canary.live)] {
                table.add([
                    name, Format.count(counts.searches), Format.count(counts.errors), Format.count(counts.empty),
                    counts.p95.map { Format.decimal($0, 0) } ?? "-",
                ])
            }
            Terminal.write(table.render())
        }

        private struct Row: Encodable {
            struct Counts: Encodable {
                let searches: Int
                let errors: Int
                let empty: Int
                @Explicit var p95Ms: Double?

                init(_ counts: CanaryCounts) {
                    (searches, errors, empty) = (counts.searches, counts.errors, counts.empty)
                    _p95Ms = Explicit(wrappedValue: counts.p95)
                }
            }

            let schema = "sluice.canary/v1"
            let index: String
            let version: Int
            let percent: Int
            let by: String
            let startedAt: String
            let active: Bool
            let canary: Counts
            let live: Counts

            enum CodingKeys: String, CodingKey {
                case schema, index, version, percent, by, startedAt, active, canary, live
            }

            init(_ record: CanaryRecord) {
                (index, version, percent) = (record.index.rawValue, record.number, record.percent)
                (by, startedAt, active) = (record.share.rawValue, Timestamp.text(record.startedAt), record.isActive)
                (canary, live) = (Counts(record.counts), Counts(record.live))
            }
        }
    }
}
