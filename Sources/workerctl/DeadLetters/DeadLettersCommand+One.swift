internal import ArgumentParser
internal import FoundationEssentials
internal import SluiceCore
internal import SluiceStore

extension DeadLettersCommand {
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract: "Show one dead letter with every attempt and error."
        )

        @Argument(help: "The task's number.") var id: TaskID
        @Flag(name: .long, help: "Show the payload too; it may hold what is nobody's business.") var payload = false
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let store = try Session().store
            let filter = DeadLetterFilter(TaskFilter(ids: [id]))
            guard let letter = try await store.deadLetters(filter, limit: 1).first else {
                throw CommandFailure(
                    .notFound,
                    "there is no dead letter \(id); `workerctl tasks show \(id)` looks everywhere"
                )
            }
            let attempts = try await store.attempts(of: id)
            if output.json {
                return try JSON.print(
                    Detail(
                        letter: DeadLetterRow(letter, payload: payload ? shown(letter) : nil),
                        attempts: attempts.map(AttemptRow.init)
                    )
                )
            }
            var text = "dead letter \(letter.id)  \(letter.kind) in \(letter.queue)\n"
            text += "  error        \(Table.printable("\(letter.errorClass): \(letter.errorMessage)"))\n"
            text += "  fingerprint  \(Table.printable(letter.fingerprint))\n"
            text += "  tenant       \(letter.tenant)" + (letter.batch.map { ", batch \($0)" } ?? "") + "\n"
            text += "  attempts     \(letter.attempts), \(letter.crashCount) crashes"
            text += (letter.isQuarantined ? ", quarantined" : "") + "\n"
            text +=
                "  created      \(Timestamp.text(letter.createdAt))\n  died         \(Timestamp.text(letter.diedAt))\n"
            text += "  payload      \(payload ? Table.printable(shown(letter)) : "hidden; --payload shows it")\n"
            if !attempts.isEmpty { text += TaskText.attempts(attempts) }
            Terminal.write(text)
        }

        private func shown(_ letter: DeadLetter) -> String {
            PayloadText.shown(letter.payload, letter.tenant, letter.kind, revealing: nil)
        }

        private struct Detail: Encodable {
            let letter: DeadLetterRow
            let attempts: [AttemptRow]
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "export",
            abstract:
                "Write dead letters as JSON, one a line, oldest first, payloads included, sealed ones as they are."
        )

        @Argument(help: "Numbers of dead letters.") var ids: [TaskID] = []
        @OptionGroup var filter: Filter
        @Flag(name: .long, help: "Without numbers and filters: all of them.") var all = false

        func run() async throws {
            var letters = filter.letters(ids)
            if letters.isUnbounded && !all {
                throw CommandFailure(.usage, "name dead letters or a filter; --all means all of them")
            }
            let store = try Session().store
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            while true {
                let page = try await store.deadLetters(letters, limit: BulkAction.chunk, newestFirst: false)
                var lines = ""
                for letter in page {
                    let row = try encoder.encode(DeadLetterRow(letter, payload: letter.payload))
                    lines += String(decoding: row, as: UTF8.self) + "\n"
                }
                Terminal.write(lines)
                guard page.count == BulkAction.chunk, let last = page.last else { return }
                letters.after = DeadLetterCursor(last)
            }
        }
    }
}

struct DeadLetterRow: Encodable {
    let id: String
    let tenant: String
    let queue: String
    let kind: String
    let attempts: Int
    let crashCount: Int
    let quarantined: Bool
    @Explicit var batch: String?
    let errorClass: String
    let errorMessage: String
    let fingerprint: String
    /// JSON as text; null where it was not asked for.
    @Explicit var payload: String?
    let createdAt: String
    let diedAt: String

    init(_ letter: DeadLetter, payload: String?) {
        id = "\(letter.id)"
        tenant = letter.tenant.rawValue
        queue = letter.queue.rawValue
        kind = letter.kind.rawValue
        attempts = letter.attempts
        crashCount = letter.crashCount
        quarantined = letter.isQuarantined
        _batch = Explicit(wrappedValue: letter.batch.map { "\($0)" })
        errorClass = letter.errorClass
        errorMessage = letter.errorMessage
        fingerprint = letter.fingerprint
        _payload = Explicit(wrappedValue: payload)
        createdAt = Timestamp.text(letter.createdAt)
        diedAt = Timestamp.text(letter.diedAt)
    }
}

struct DeadLetterGroupRow: Encodable {
    let fingerprint: String
    let count: Int
    let firstAt: String
    let lastAt: String
    let kinds: [String]
    let sample: String
    let sampleMessage: String

    init(_ group: DeadLetterGroup) {
        fingerprint = group.fingerprint
        count = group.count
        firstAt = Timestamp.text(group.firstAt)
        lastAt = Timestamp.text(group.lastAt)
        kinds = group.kinds
        sample = "\(group.sample)"
        sampleMessage = group.message
    }
}
