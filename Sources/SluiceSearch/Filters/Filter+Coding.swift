internal import SluiceCore

/// The JSON form: `{"all": […]}`, `{"any": […]}`, `{"not": …}`, `{"tags_any": […]}`, `{"tags_all": […]}`, and of a field of the metadata
/// or (`attribute`) of what every document has: `{"field": "year", "is": 2026}`, with `in`, `exists`, or limits: `from` and `to` with the
/// limit itself, `above` and `below` without.
extension Filter: Codable {
    private enum Key: String, CodingKey {
        case all, any, not, field, attribute
        case tagsAny = "tags_any"
        case tagsAll = "tags_all"
        case `is`, `in`, exists, from, above, to, below
    }

    private static let limits: [Key] = [.from, .above, .to, .below]
    private static let keys = Set(
        [.all, .any, .not, .field, .attribute, .tagsAny, .tagsAll, .is, .in, .exists].map(\Key.rawValue)
            + limits.map(\.rawValue)
    )

    package init(from decoder: any Decoder) throws {
        let depth = decoder.codingPath.count
        // Before it is taken apart: a decoder recurses as deep as what it is given.
        guard depth <= 2 * Self.depthAtMost else {
            throw Self.refusal(decoder, "a filter is no more than \(Self.depthAtMost) deep")
        }
        let fields = try KeyedFields(decoder, Self.keys)
        let given = try decoder.container(keyedBy: Key.self).allKeys
        let heads: [Key] = [.all, .any, .not, .field, .attribute, .tagsAny, .tagsAll]
        let head = given.filter(heads.contains)
        guard head.count == 1, let head = head.first else {
            throw Self.refusal(
                decoder,
                "a filter has one of \(heads.map(\.rawValue).joined(separator: ", ")), not \(head.count)"
            )
        }
        guard head == .field || head == .attribute || given.count == 1 else {
            throw Self.refusal(decoder, "'\(head.rawValue)' stands alone")
        }
        switch head {
        case .all: self = .all(try fields.required("all"))
        case .any: self = .any(try fields.required("any"))
        case .not: self = .not(try fields.required("not"))
        case .tagsAny: self = .tagsAny(try fields.required("tags_any"))
        case .tagsAll: self = .tagsAll(try fields.required("tags_all"))
        case .attribute:
            let name: String = try fields.required("attribute")
            guard let attribute = Attribute(rawValue: name) else {
                let known = Attribute.allCases.map(\.rawValue).joined(separator: ", ")
                throw Self.refusal(decoder, "attribute '\(name)' is none of \(known)")
            }
            self = .attribute(attribute, try Self.comparison(fields, given, decoder))
        default: self = .field(try fields.required("field"), try Self.comparison(fields, given, decoder))
        }
        if decoder.codingPath.isEmpty {
            do { try check() } catch { throw Self.refusal(decoder, error.description) }
        }
    }

    private static func comparison(
        _ fields: KeyedFields,
        _ given: [Key],
        _ decoder: any Decoder
    ) throws -> Comparison {
        let rest = given.filter { $0 != .field && $0 != .attribute }
        if !rest.isEmpty && rest.allSatisfy(limits.contains) {
            return .range(
                Range(
                    from: try fields.optional("from"),
                    above: try fields.optional("above"),
                    to: try fields.optional("to"),
                    below: try fields.optional("below")
                )
            )
        }
        guard rest.count == 1 else {
            throw refusal(decoder, "a comparison has one of is, in, exists, or limits: from, above, to, below")
        }
        return switch rest.first {
        case .is: .among([try fields.required("is")])
        case .in: .among(try fields.required("in"))
        default: .exists(try fields.required("exists"))
        }
    }

    private static func refusal(_ decoder: any Decoder, _ why: String) -> DecodingError {
        .dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: why))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        func encode(_ comparison: Comparison) throws {
            switch comparison {
            case .among(let values):
                if values.count == 1 {
                    try container.encode(values[0], forKey: .is)
                } else {
                    try container.encode(values, forKey: .in)
                }
            case .exists(let exists): try container.encode(exists, forKey: .exists)
            case .range(let range):
                try container.encodeIfPresent(range.from, forKey: .from)
                try container.encodeIfPresent(range.above, forKey: .above)
                try container.encodeIfPresent(range.to, forKey: .to)
                try container.encodeIfPresent(range.below, forKey: .below)
            }
        }
        switch self {
        case .all(let parts): try container.encode(parts, forKey: .all)
        case .any(let parts): try container.encode(parts, forKey: .any)
        case .not(let part): try container.encode(part, forKey: .not)
        case .tagsAny(let tags): try container.encode(tags, forKey: .tagsAny)
        case .tagsAll(let tags): try container.encode(tags, forKey: .tagsAll)
        case .field(let name, let comparison):
            try container.encode(name, forKey: .field)
            try encode(comparison)
        case .attribute(let attribute, let comparison):
            try container.encode(attribute.rawValue, forKey: .attribute)
            try encode(comparison)
        }
    }
}
