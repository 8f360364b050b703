/// Where a text may be cut.
package enum Separator: Hashable, Sendable {
    /// Cuts at every non-overlapping occurrence, left to right. The empty text cuts between all Unicode scalars.
    case literal(String)
    /// Cuts at every match of a small pattern.
    case pattern(SeparatorPattern)

    /// What was configured, as text; LangChain also re-inserts it between pieces when separators are not kept.
    package var source: String {
        switch self {
        case .literal(let text): text
        case .pattern(let pattern): pattern.source
        }
    }
}

extension Separator: ExpressibleByStringLiteral {
    package init(stringLiteral value: String) { self = .literal(value) }
}

/// What becomes of the separator at a cut.
package enum SeparatorPlacement: String, Hashable, Sendable {
    /// It begins the later piece. LangChain's default.
    case start
    /// It ends the earlier piece: sentences keep their full stop.
    case end
    /// It is dropped from the pieces and put back between those that are joined.
    case none
}
