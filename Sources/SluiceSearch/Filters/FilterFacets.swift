internal import SluiceCore

/// What a document can be looked up by in `document_facets`; see the migration that makes it.
struct Facet: Sendable, Hashable {
    enum Sort: String, Sendable { case tag = "t", principal = "p", field = "f", value = "v" }

    let sort: Sort
    let name: String
    /// JSON of a scalar.
    var value: String?
}

extension Filter {
    /// Lists of facets, of each of which every document that matches has one at least. Only a narrowing: not all that have them match.
    var facets: [[Facet]] {
        switch self {
        case .all(let parts): parts.flatMap(\.facets)
        case .any(let parts): Self.united(parts)
        case .not, .attribute, .field(_, .exists(false)): []
        case .field(let name, .among(let values)):
            [values.map { Facet(sort: .value, name: name, value: $0.text) }]
        case .field(let name, .range), .field(let name, .exists(true)): [[Facet(sort: .field, name: name)]]
        case .tagsAny(let tags): [tags.map { Facet(sort: .tag, name: $0) }]
        case .tagsAll(let tags): tags.map { [Facet(sort: .tag, name: $0)] }
        }
    }

    /// Whether documents that have one of each list match, but for what a moment may change.
    var isDecidedByFacets: Bool {
        switch self {
        case .all(let parts): parts.allSatisfy(\.isDecidedByFacets)
        // Of alternatives each may have one list only.
        case .any(let parts): parts.allSatisfy { $0.isDecidedByFacets && $0.facets.count == 1 }
        case .not, .attribute, .field(_, .exists(false)), .field(_, .range): false
        case .field(_, .among), .field(_, .exists(true)), .tagsAny, .tagsAll: true
        }
    }

    /// Of alternatives, one list of each; nothing when one of them has none.
    private static func united(_ parts: [Filter]) -> [[Facet]] {
        var union: [Facet] = []
        for part in parts {
            guard let shortest = part.facets.min(by: { $0.count < $1.count }) else { return [] }
            union += shortest
        }
        return [union]
    }
}
