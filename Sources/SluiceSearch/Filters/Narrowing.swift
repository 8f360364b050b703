internal import SluiceCore
internal import SluicePostgres

/// Parameters of a statement that is put together, each where it stands: `$1`, `$2`….
struct Binder {
    private(set) var values: [PGValue] = []

    /// The name by which the statement refers to it.
    mutating func bind(_ value: PGValue) -> String {
        values.append(value)
        return "$\(values.count)"
    }
}

/// Which documents may answer: those that match a filter, and that the asker may read. Compared with the documents' own rows, in
/// the snapshot of the search.
struct Narrowing: Sendable {
    let filter: Filter?
    /// Who asks; nil: whoever may see everything.
    let principals: [String]?

    /// Nil when every document may answer.
    init?(_ filter: Filter?, _ principals: [String]?) {
        guard filter != nil || principals != nil else { return nil }
        self.filter = filter
        self.principals = principals
    }

    /// Lists of which a document has one facet each, few and short ones: the index need not know everything.
    var facets: [[Facet]] {
        Array(allFacets.filter { $0.count <= 1_000 }.sorted { $0.count < $1.count }.prefix(6))
    }

    /// Whether documents match that have one of each of `facets`: they need not be looked at to know how many they are.
    var isDecidedByFacets: Bool {
        (filter?.isDecidedByFacets ?? true) && !facets.isEmpty && facets.count == allFacets.count
    }

    private var allFacets: [[Facet]] {
        var lists = filter?.facets ?? []
        if let principals { lists.append((principals + ["*"]).map { Facet(sort: .principal, name: $0) }) }
        return lists
    }

    /// Whether a condition concerns the live version of documents, not the documents alone.
    var concernsVersions: Bool { filter?.concernsVersions ?? false }

    /// On a row of `documents`, and of `live` where `concernsVersions`. Never NULL.
    func condition(_ binder: inout Binder) -> String {
        var conditions: [String] = []
        if let principals {
            conditions.append(
                "(documents.principals IS NULL OR documents.principals && \(binder.bind(.textArray(principals)))::text[])"
            )
        }
        if let filter { conditions.append(filter.condition(&binder)) }
        return conditions.joined(separator: " AND ")
    }

    /// On any row with a chunk's number: a sub-select of its own, which the planner cannot turn into a join that would lose the
    /// order of an index.
    func condition(ofChunk chunk: String, _ binder: inout Binder) -> String {
        """
        (SELECT \(condition(&binder)) FROM chunks JOIN documents ON documents.id = chunks.document_id
            \(versions) WHERE chunks.id = \(chunk))
        """
    }

    /// What brings `live` in.
    var versions: String {
        concernsVersions ? "LEFT JOIN document_versions AS live ON live.id = documents.live_version" : ""
    }
}

extension Filter {
    var concernsVersions: Bool {
        switch self {
        case .all(let parts), .any(let parts): parts.contains(where: \.concernsVersions)
        case .not(let part): part.concernsVersions
        case .attribute(let attribute, _): attribute != .uri
        case .field, .tagsAny, .tagsAll: false
        }
    }

    fileprivate func condition(_ binder: inout Binder) -> String {
        switch self {
        case .all(let parts): Self.joined(parts, " AND ", empty: "true", &binder)
        case .any(let parts): Self.joined(parts, " OR ", empty: "false", &binder)
        case .not(let part): "NOT \(part.condition(&binder))"
        case .tagsAny(let tags): "(documents.tags && \(binder.bind(.textArray(tags)))::text[])"
        case .tagsAll(let tags): "(documents.tags @> \(binder.bind(.textArray(tags)))::text[])"
        case .attribute(let attribute, let comparison): attribute.condition(comparison, &binder)
        case .field(let name, .exists(let exists)):
            "coalesce(documents.metadata -> \(binder.bind(.text(name)))::text <> 'null', false)"
                + (exists ? "" : " = false")
        case .field(let name, .among(let values)):
            Self.path(name, "@ == $v[*]", .object(["v": .array(values)]), &binder)
        case .field(let name, .range(let range)):
            Self.path(
                name,
                range.limits.enumerated().map { "@ \($1.symbol) $l\($0)" }.joined(separator: " && "),
                .object(
                    Dictionary(uniqueKeysWithValues: range.limits.enumerated().map { ("l\($0)", $1.value) })
                ),
                &binder
            )
        }
    }

    private static func joined(
        _ parts: [Filter],
        _ word: String,
        empty: String,
        _ binder: inout Binder
    ) -> String {
        var conditions: [String] = []
        for part in parts { conditions.append(part.condition(&binder)) }
        return conditions.isEmpty ? empty : "(" + conditions.joined(separator: word) + ")"
    }

    /// A field of the metadata by a predicate of jsonpath: in its lax mode lists stand for their elements, and what cannot be
    /// compared does not match.
    private static func path(
        _ name: String,
        _ predicate: String,
        _ values: JSONValue,
        _ binder: inout Binder
    ) -> String {
        let path = binder.bind(.text("$.\(JSONValue.quoted(name)) ? (\(predicate))"))
        return "jsonb_path_exists(documents.metadata, \(path)::text::jsonpath, \(binder.bind(.jsonb(values.text))))"
    }
}

extension Filter.Attribute {
    private var column: String {
        switch self {
        case .uri: "documents.uri COLLATE \"C\""
        case .title: "live.title COLLATE \"C\""
        case .author: "live.author COLLATE \"C\""
        case .mediaType: "live.media_type COLLATE \"C\""
        case .pages: "live.page_count"
        case .created: "live.source_created_at"
        case .modified: "live.source_modified_at"
        case .ingested: "live.live_at"
        }
    }

    fileprivate func condition(_ comparison: Filter.Comparison, _ binder: inout Binder) -> String {
        switch comparison {
        case .exists(let exists): return "(\(column) IS \(exists ? "NOT " : "")NULL)"
        case .among(let values):
            return "coalesce(\(column) = ANY (\(list(values, &binder))), false)"
        case .range(let range):
            var limits: [String] = []
            for limit in range.limits { limits.append("\(column) \(limit.symbol) \(bound(limit.value, &binder))") }
            return "coalesce(\(limits.joined(separator: " AND ")), false)"
        }
    }

    private func bound(_ value: JSONValue, _ binder: inout Binder) -> String {
        switch sort {
        case .text: "\(binder.bind(.text(value.string)))::text"
        case .number: "\(binder.bind(.float8(value.double)))::float8"
        case .time: "to_timestamp(\(binder.bind(.float8(value.pointInTime ?? .nan)))::float8)"
        }
    }

    private func list(_ values: [JSONValue], _ binder: inout Binder) -> String {
        switch sort {
        case .text: "\(binder.bind(.textArray(values.map(\.string))))::text[]"
        case .number: "\(binder.bind(.float8Array(values.map(\.double))))::float8[]"
        case .time:
            """
            ARRAY(SELECT to_timestamp(moment) FROM unnest(
                \(binder.bind(.float8Array(values.map { $0.pointInTime ?? .nan })))::float8[]) AS moment)
            """
        }
    }
}

extension JSONValue {
    fileprivate var string: String { if case .string(let text) = self { text } else { text } }
    fileprivate var double: Double {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: .nan
        }
    }
}
