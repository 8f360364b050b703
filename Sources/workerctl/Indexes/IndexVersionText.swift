internal import FoundationEssentials
internal import SluiceCore
internal import SluiceDocuments
internal import SluiceStore

/// An index version in JSON.
struct IndexVersionRow: Encodable {
    let index: String
    let version: Int
    let state: String
    let model: String
    let dimension: Int
    let storage: String
    let m: Int
    let efConstruction: Int
    let chunkSet: Int
    /// Characters; null for a chunker that this program does not know.
    @Explicit var chunkSize: Int?
    @Explicit var chunkOverlap: Int?
    let autoSwap: Bool
    let rowsPlanned: Int
    let rowsCopied: Int
    let rowsEmbedded: Int
    let passes: Int
    @Explicit var problem: String?
    let createdAt: String
    let stateSince: String
    @Explicit var indexedAt: String?
    @Explicit var soakUntil: String?
    @Explicit var droppedAt: String?
    @Explicit var partitionAbove: Int?
    let partitions: Int

    init(_ version: IndexVersionRecord) {
        index = version.indexName.rawValue
        self.version = version.number
        state = version.state.rawValue
        model = version.spec.model.fingerprint
        dimension = version.spec.model.dimension
        storage = version.spec.storage.rawValue
        m = version.spec.m
        efConstruction = version.spec.efConstruction
        chunkSet = version.chunkSet
        let cutting = Chunker(fingerprint: version.spec.chunkerFingerprint)?.configuration
        chunkSize = cutting?.chunkSize
        chunkOverlap = cutting?.overlap
        autoSwap = version.spec.isAutoSwap
        rowsPlanned = version.planned
        rowsCopied = version.copied
        rowsEmbedded = version.embedded
        passes = version.passes
        problem = version.problem
        createdAt = Timestamp.text(version.createdAt)
        stateSince = Timestamp.text(version.stateAt)
        indexedAt = Timestamp.text(version.indexedAt)
        soakUntil = Timestamp.text(version.soakUntil)
        droppedAt = Timestamp.text(version.droppedAt)
        partitionAbove = version.spec.partitions?.above
        partitions = version.partitions
    }
}

/// What happened to an index, in JSON.
struct IndexEventRow: Encodable {
    let index: String
    @Explicit var version: Int?
    let event: String
    let detail: [String: JSONScalar]
    let at: String

    init(_ event: IndexEvent) {
        index = event.index.rawValue
        version = event.number
        self.event = event.event
        detail = (try? JSONDecoder().decode([String: JSONScalar].self, from: Data(event.detail.utf8))) ?? [:]
        at = Timestamp.text(event.at)
    }
}

/// A value of an event's detail: text, a number, or a truth.
enum JSONScalar: Codable {
    case text(String)
    case number(Double)
    case truth(Bool)

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let value = try? container.decode(Bool.self) {
            self = .truth(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else {
            self = .text(try container.decode(String.self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .text(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .truth(let value): try container.encode(value)
        }
    }

    var shown: String {
        switch self {
        case .text(let value): value
        case .number(let value): value == value.rounded() ? Format.decimal(value, 0) : Format.decimal(value, 2)
        case .truth(let value): value ? "yes" : "no"
        }
    }
}

/// Index versions and their events for people.
enum IndexVersionText {
    static func write(_ versions: [IndexVersionRecord], _ output: OutputOptions) throws {
        if output.json { return try JSON.print(versions.map { IndexVersionRow($0) }) }
        var table = Table([
            .init("INDEX"), .init("VERSION", .right), .init("STATE"), .init("SINCE"), .init("VECTORS"), .init("M/EF"),
            .init("CHUNKS"), .init("PARTITIONS", .right), .init("LOADED"), .init("MODEL"), .init("PROBLEM"),
        ])
        for version in versions {
            let spec = version.spec
            table.add([
                version.indexName.rawValue, "\(version.number)", version.state.rawValue,
                Timestamp.text(version.stateAt),
                "\(spec.storage.rawValue)(\(spec.model.dimension))", "\(spec.m)/\(spec.efConstruction)",
                cut(version), version.spec.partitions == nil ? "-" : "\(version.partitions)+1", loaded(version),
                short(spec.model.fingerprint), version.problem ?? "",
            ])
        }
        Terminal.write(table.render())
    }

    static func table(_ events: [IndexEvent]) -> String {
        var table = Table([.init("AT"), .init("INDEX"), .init("VERSION", .right), .init("EVENT"), .init("DETAIL")])
        for event in events {
            let row = IndexEventRow(event)
            let detail = row.detail.sorted { $0.key < $1.key }.filter { $0.key != "number" }
                .map { "\($0.key)=\($0.value.shown)" }.joined(separator: " ")
            table.add([row.at, row.index, event.number.map { "\($0)" } ?? "-", row.event, detail])
        }
        return table.render()
    }

    /// The first version was never loaded: it grew with its documents.
    private static func loaded(_ version: IndexVersionRecord) -> String {
        if version.planned == 0 { return "-" }
        return "\(Format.count(version.copied + version.embedded))/\(Format.count(version.planned))"
    }

    /// Characters of a chunk and of its overlap; of which set, where it is not the first.
    private static func cut(_ version: IndexVersionRecord) -> String {
        let cutting = Chunker(fingerprint: version.spec.chunkerFingerprint)?.configuration
        let sizes = cutting.map { "\($0.chunkSize)/\($0.overlap)" } ?? "?"
        return version.chunkSet == 1 ? sizes : sizes + " #\(version.chunkSet)"
    }

    private static func short(_ fingerprint: String) -> String {
        fingerprint.count > 40 ? fingerprint.prefix(37) + "…" : fingerprint
    }
}
