internal import FoundationEssentials
internal import SluiceCore
internal import SluiceStore

/// A document in words.
enum DocumentText {
    static func head(_ document: DocumentRecord) -> String {
        var text = "document \(document.id)  \(Table.printable(document.uri))\n"
        text += "  state    \(document.state)" + (document.outcome.map { ", last extraction \($0)" } ?? "") + "\n"
        if let detail = document.detail, !detail.isEmpty { text += "  detail   \(Table.printable(detail))\n" }
        if let title = document.title { text += "  title    \(Table.printable(title))\n" }
        if let author = document.author { text += "  author   \(Table.printable(author))\n" }
        if let chunks = document.chunks {
            text += "  live     version \(document.versionNumber ?? 0), \(document.pages ?? 0) pages, \(chunks) chunks"
            text += (Timestamp.text(document.liveAt).map { ", since \($0)" } ?? "") + "\n"
        }
        return text + "  tenant   \(document.tenant), index \(document.index)\n"
    }

    /// What is said of it besides.
    static func attributes(_ said: StoredAttributes) -> String {
        var text = ""
        if said.metadata != "{}" { text += "  fields   \(Table.printable(said.metadata))\n" }
        if !said.tags.isEmpty { text += "  tags     \(Table.printable(said.tags.joined(separator: ", ")))\n" }
        if let principals = said.principals {
            let names = principals.isEmpty ? "nobody" : principals.joined(separator: ", ")
            text += "  for      \(Table.printable(names))\n"
        }
        return text
    }

    /// The reason, then what was tried, then what to do.
    static func why(
        _ document: DocumentRecord,
        _ task: TaskRecord?,
        _ attempts: [AttemptRecord],
        _ versions: [DocumentVersionRecord]
    ) -> String {
        var text = "\n" + reason(document, task, versions.first) + "\n"
        for attempt in attempts {
            text += "  attempt \(attempt.attempt) \(attempt.outcome) at \(Timestamp.text(attempt.endedAt) ?? "-")"
            text += attempt.errorMessage.map { ": \(attempt.errorClass ?? ""): \(Table.printable($0))" } ?? ""
            text += "\n"
        }
        return text
    }

    private static func reason(
        _ document: DocumentRecord,
        _ task: TaskRecord?,
        _ newest: DocumentVersionRecord?
    ) -> String {
        let stays =
            document.versionNumber == nil ? "" : " Its version \(document.versionNumber ?? 0) goes on answering."
        if let task, task.state == .dead {
            return "Its task \(task.id) is dead: \(Table.printable(task.reason ?? "?")).\(stays) "
                + "When the cause is gone: workerctl dlq retry \(task.id)"
        }
        if let task, task.state.isLive {
            return "Its task \(task.id) is \(task.state.rawValue), attempt \(task.attempt).\(stays)"
        }
        switch (document.state, document.outcome) {
        case ("live", "ok"), ("live", nil):
            return "It is searchable, and its last ingest found it unchanged or read it."
        case ("processing", _):
            return
                "It was read; \(newest?.pendingTasks ?? 0) tasks still embed its \(newest?.chunks ?? 0) chunks.\(stays)"
        case (_, let outcome?): return "Its last extraction ended with '\(outcome)'. \(advice(outcome))\(stays)"
        default: return "It was never read."
        }
    }

    private static func advice(_ outcome: String) -> String {
        switch outcome {
        case "empty": "It holds no text and no images."
        case "needs_ocr": "Its pages are images; text recognition is needed."
        case "encrypted":
            "Put its password into the file that SLUICE_DOCUMENT_PASSWORDS_FILE names, then ingest it again."
        case "corrupt": "It is damaged beyond repair, or not what its name says."
        case "too_large": "Raise the limit that the detail names, then ingest it again."
        case "timeout": "Reading took too long; raise SLUICE_EXTRACT_TIMEOUT_SECONDS, then ingest it again."
        case "unsupported": "No reader serves this format."
        default: "Its reader crashed on it."
        }
    }
}

struct DocumentRow: Encodable {
    let id: String
    let tenant: String
    let index: String
    let uri: String
    let state: String
    @Explicit var outcome: String?
    @Explicit var detail: String?
    @Explicit var title: String?
    @Explicit var author: String?
    @Explicit var mediaType: String?
    @Explicit var pages: Int?
    @Explicit var chunks: Int?
    @Explicit var version: Int?
    @Explicit var task: String?
    let createdAt: String
    let updatedAt: String
    @Explicit var liveAt: String?

    init(_ record: DocumentRecord) {
        id = "\(record.id)"
        tenant = record.tenant.rawValue
        index = record.index
        uri = record.uri
        state = record.state
        _outcome = Explicit(wrappedValue: record.outcome)
        _detail = Explicit(wrappedValue: record.detail)
        _title = Explicit(wrappedValue: record.title)
        _author = Explicit(wrappedValue: record.author)
        _mediaType = Explicit(wrappedValue: record.mediaType)
        _pages = Explicit(wrappedValue: record.pages)
        _chunks = Explicit(wrappedValue: record.chunks)
        _version = Explicit(wrappedValue: record.versionNumber)
        _task = Explicit(wrappedValue: record.task.map { "\($0)" })
        createdAt = Timestamp.text(record.createdAt)
        updatedAt = Timestamp.text(record.updatedAt)
        _liveAt = Explicit(wrappedValue: Timestamp.text(record.liveAt))
    }
}

struct AttributesRow: Encodable {
    let metadata: JSONValue
    let tags: [String]
    /// Null: everyone of the tenant.
    @Explicit var principals: [String]?

    init(_ said: StoredAttributes) {
        metadata = (try? JSONDecoder().decode(JSONValue.self, from: Data(said.metadata.utf8))) ?? .object([:])
        tags = said.tags
        _principals = Explicit(wrappedValue: said.principals)
    }
}

struct VersionRow: Encodable {
    let number: Int
    let state: String
    let pages: Int
    let chunks: Int
    let kept: Int
    let cached: Int
    let embedded: Int
    let createdAt: String
    @Explicit var liveAt: String?

    init(_ record: DocumentVersionRecord) {
        number = record.number
        state = record.state
        pages = record.pages
        chunks = record.chunks
        kept = record.kept
        cached = record.cached
        embedded = record.embedded
        createdAt = Timestamp.text(record.createdAt)
        _liveAt = Explicit(wrappedValue: Timestamp.text(record.liveAt))
    }
}
