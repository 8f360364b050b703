package import SluiceCore

/// Which documents may answer, by what is known of them. Two-valued: what a document does not have is not equal to anything, and
/// `not` turns that into true.
package indirect enum Filter: Sendable, Equatable {
    /// Every one of them; none: true.
    case all([Filter])
    /// One of them at least; none: false.
    case any([Filter])
    case not(Filter)
    /// A field of the metadata. One that is a list matches when an element does.
    case field(String, Comparison)
    case attribute(Attribute, Comparison)
    /// One of these tags at least.
    case tagsAny([String])
    /// All of these tags.
    case tagsAll([String])

    package enum Comparison: Sendable, Equatable {
        /// Equal to one of these: strings, numbers, booleans.
        case among([JSONValue])
        case range(Range)
        /// Whether there is anything but null.
        case exists(Bool)
    }

    /// Limits, all numbers or all strings; strings are ordered by code point, so dates as ISO 8601 writes them are in order.
    package struct Range: Sendable, Equatable {
        package var from: JSONValue?
        package var above: JSONValue?
        package var to: JSONValue?
        package var below: JSONValue?

        package init(
            from: JSONValue? = nil,
            above: JSONValue? = nil,
            to: JSONValue? = nil,
            below: JSONValue? = nil
        ) {
            self.from = from
            self.above = above
            self.to = to
            self.below = below
        }

        /// With the operators of SQL and jsonpath.
        var limits: [(symbol: String, value: JSONValue)] {
            [(">=", from), (">", above), ("<=", to), ("<", below)].compactMap { symbol, value in
                value.map { (symbol, $0) }
            }
        }
    }

    /// What is known of every document, of its live version where it depends on its bytes.
    package enum Attribute: String, Sendable, CaseIterable {
        case uri, title, author
        case mediaType = "media_type"
        case pages
        /// Points in time: `2026-03-01`, or `2026-03-01T12:30:00Z` with any offset.
        case created, modified, ingested

        enum Sort: Sendable { case text, number, time }
        var sort: Sort {
            switch self {
            case .uri, .title, .author, .mediaType: .text
            case .pages: .number
            case .created, .modified, .ingested: .time
            }
        }
    }
}

/// Why a filter is refused.
package struct FilterError: Error, Sendable, CustomStringConvertible {
    package let description: String
}

extension Filter {
    package static let depthAtMost = 8
    package static let partsAtMost = 64
    package static let valuesAtMost = 2_000
    package static let lengthAtMost = 1_024

    /// - Throws: when it is too deep or too large, or compares what cannot be compared.
    package func check() throws(FilterError) {
        var budget = Budget()
        try check(1, &budget)
    }

    private struct Budget {
        var parts = 0
        var values = 0

        mutating func take(_ values: [JSONValue]) throws(FilterError) {
            self.values += values.count
            guard self.values <= Filter.valuesAtMost else {
                throw FilterError(description: "a filter has \(Filter.valuesAtMost) values at most")
            }
            for value in values { if case .string(let text) = value { try Filter.check(text) } }
        }
    }

    private func check(_ depth: Int, _ budget: inout Budget) throws(FilterError) {
        budget.parts += 1
        guard depth <= Self.depthAtMost, budget.parts <= Self.partsAtMost else {
            throw FilterError(
                description: "a filter has \(Self.partsAtMost) parts at most, no more than \(Self.depthAtMost) deep"
            )
        }
        switch self {
        case .all(let parts), .any(let parts): for part in parts { try part.check(depth + 1, &budget) }
        case .not(let part): try part.check(depth + 1, &budget)
        case .field(let name, let comparison):
            guard !name.isEmpty else { throw FilterError(description: "a field's name is empty") }
            try Self.check(name)
            try Self.check(comparison, nil, name, &budget)
        case .attribute(let attribute, let comparison):
            try Self.check(comparison, attribute.sort, attribute.rawValue, &budget)
        case .tagsAny(let tags), .tagsAll(let tags): try budget.take(tags.map(JSONValue.string))
        }
    }

    private static func check(_ text: String) throws(FilterError) {
        guard text.unicodeScalars.count <= lengthAtMost, !text.unicodeScalars.contains("\0") else {
            throw FilterError(
                description: "a text in a filter has \(lengthAtMost) characters at most, none of them NUL"
            )
        }
    }

    private static func check(
        _ comparison: Comparison,
        _ sort: Attribute.Sort?,
        _ name: String,
        _ budget: inout Budget
    ) throws(FilterError) {
        let values: [JSONValue]
        switch comparison {
        case .exists: return
        case .among(let among): values = among
        case .range(let range):
            values = range.limits.map(\.value)
            guard !values.isEmpty else { throw FilterError(description: "a range of '\(name)' has no limit") }
            guard values.allSatisfy(\.isNumber) || values.allSatisfy(\.isString) else {
                throw FilterError(description: "the limits of '\(name)' are not all numbers, or all strings")
            }
        }
        try budget.take(values)
        for value in values {
            let fits =
                switch sort {
                case nil: value.isScalar
                case .text: value.isString
                case .number: value.isNumber
                case .time: value.isString && value.pointInTime != nil
                }
            if !fits {
                throw FilterError(description: "'\(name)' cannot be compared with \(String(value.text.prefix(80)))")
            }
        }
    }
}

extension JSONValue {
    var isString: Bool { if case .string = self { true } else { false } }
    var isNumber: Bool {
        switch self {
        case .integer: true
        case .number(let value): value.isFinite
        default: false
        }
    }
    var isScalar: Bool { if case .bool = self { true } else { isString || isNumber } }
    /// Seconds since 1970-01-01 UTC; nil for what is no point in time.
    var pointInTime: Double? { if case .string(let text) = self { PointInTime.seconds(text) } else { nil } }
}
