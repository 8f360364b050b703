import SluiceCore
import SluiceTestKit

@testable import SluiceSearch

/// What is known of a document, for the reference.
struct DocumentFacts: Sendable {
    var uri = ""
    var metadata: [String: JSONValue] = [:]
    var tags: [String] = []
    /// Nil: everyone.
    var principals: [String]?
    var pages = 1
    var chunks = 0
    var modified: Double?

    func mayBeFound(by asking: [String]?) -> Bool {
        guard let asking, let principals else { return true }
        return !Set(principals).isDisjoint(with: asking)
    }

    var facets: Set<Facet> {
        var facets: Set<Facet> = []
        for tag in tags { facets.insert(Facet(sort: .tag, name: tag)) }
        for (key, value) in metadata where value != .null {
            facets.insert(Facet(sort: .field, name: key))
            for element in value.elements { facets.insert(Facet(sort: .value, name: key, value: element.text)) }
        }
        return facets
    }
}

/// Filters as they are meant: written without regard to how the database does it.
extension Filter {
    func matches(_ facts: DocumentFacts) -> Bool {
        switch self {
        case .all(let parts): parts.allSatisfy { $0.matches(facts) }
        case .any(let parts): parts.contains { $0.matches(facts) }
        case .not(let part): !part.matches(facts)
        case .tagsAny(let tags): tags.contains(where: facts.tags.contains)
        case .tagsAll(let tags): tags.allSatisfy(facts.tags.contains)
        case .field(let name, .exists(let exists)): (facts.metadata[name] ?? .null) != .null ? exists : !exists
        case .field(let name, let comparison):
            (facts.metadata[name] ?? .null).elements.contains { comparison.holds($0) }
        case .attribute(.modified, .exists(let exists)): (facts.modified != nil) == exists
        case .attribute(let attribute, .exists(let exists)): (attribute != .created && attribute != .author) == exists
        case .attribute(.uri, let comparison): comparison.holds(.string(facts.uri))
        case .attribute(.title, let comparison): comparison.holds(.string("A title"))
        case .attribute(.mediaType, let comparison): comparison.holds(.string("text/plain"))
        case .attribute(.pages, let comparison): comparison.holds(.integer(Int64(facts.pages)))
        case .attribute(.modified, let comparison):
            facts.modified.map { comparison.inTime.holds(.number($0)) } ?? false
        case .attribute: false
        }
    }
}

extension Filter.Comparison {
    /// Days as their seconds.
    fileprivate var inTime: Self {
        func seconds(_ value: JSONValue) -> JSONValue { .number(value.pointInTime ?? .nan) }
        return switch self {
        case .among(let values): .among(values.map(seconds))
        case .range(let range):
            .range(
                .init(
                    from: range.from.map(seconds),
                    above: range.above.map(seconds),
                    to: range.to.map(seconds),
                    below: range.below.map(seconds)
                )
            )
        case .exists: self
        }
    }

    fileprivate func holds(_ value: JSONValue) -> Bool {
        switch self {
        case .exists: false
        case .among(let values): values.contains { $0.order(value) == 0 }
        case .range(let range):
            range.limits.allSatisfy { symbol, limit in
                guard !value.isBool, let order = value.order(limit) else { return false }
                return switch symbol {
                case ">=": order >= 0
                case ">": order > 0
                case "<=": order <= 0
                default: order < 0
                }
            }
        }
    }
}

extension JSONValue {
    fileprivate var isBool: Bool { if case .bool = self { true } else { false } }

    /// Itself, or what is in it when it is a list; objects and lists inside are no values to compare.
    fileprivate var elements: [JSONValue] {
        if case .array(let values) = self { values.filter(\.isScalar) } else { isScalar ? [self] : [] }
    }

    /// Below, at or above 0; nil for values of different sorts.
    fileprivate func order(_ other: JSONValue) -> Int? {
        switch (self, other) {
        case (.string(let left), .string(let right)):
            left == right ? 0 : left.utf8.lexicographicallyPrecedes(right.utf8) ? -1 : 1
        case (.bool(let left), .bool(let right)): left == right ? 0 : 1
        default:
            if let left = number, let right = other.number { left == right ? 0 : left < right ? -1 : 1 } else { nil }
        }
    }

    private var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }
}

/// Trees and documents of few names and values, so that they meet.
enum RandomFilters {
    private static let keys = ["year", "author", "a \"quoted\" key", "größe"]
    private static let words = ["red", "green", "", "\"\\", "ä", "2026-03-01"]
    static let tags = ["draft", "final", "a,b", "É"]
    static let principals = ["ann", "bob", "group:1"]

    private static func scalar(_ random: inout SeededGenerator) -> JSONValue {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: .integer(Int64.random(in: -2...4, using: &random))
        case 1: .number(Double(Int.random(in: -4...8, using: &random)) / 2 + 0.25)
        case 2: .bool(Bool.random(using: &random))
        default: .string(words.randomElement(using: &random) ?? "")
        }
    }

    private static func some(_ names: [String], _ random: inout SeededGenerator) -> [String] {
        names.filter { _ in Bool.random(using: &random) }
    }

    private static func comparison(_ random: inout SeededGenerator) -> Filter.Comparison {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: return .exists(Bool.random(using: &random))
        case 1:
            let numbers = Bool.random(using: &random)
            func limit() -> JSONValue? {
                guard Bool.random(using: &random) else { return nil }
                return numbers
                    ? .integer(Int64.random(in: -2...4, using: &random))
                    : .string(words.randomElement(using: &random) ?? "")
            }
            let range = Filter.Range(from: limit(), above: limit(), to: limit(), below: limit())
            return range.limits.isEmpty ? .exists(true) : .range(range)
        default:
            return .among((0..<Int.random(in: 0...3, using: &random)).map { _ in scalar(&random) })
        }
    }

    private static func attribute(_ random: inout SeededGenerator) -> Filter {
        switch Int.random(in: 0..<5, using: &random) {
        case 0: .attribute(.uri, .among([.string("file:///\(Int.random(in: 0..<40, using: &random))")]))
        case 1: .attribute(.pages, .range(.init(from: .integer(Int64.random(in: 0...3, using: &random)))))
        case 2:
            .attribute(.modified, .range(.init(below: .string("2026-0\(Int.random(in: 1...9, using: &random))-01"))))
        case 3: .attribute(.mediaType, .among([.string("text/plain"), .string("application/pdf")]))
        default: .attribute(Filter.Attribute.allCases.randomElement(using: &random) ?? .uri, .exists(true))
        }
    }

    static func tree(_ random: inout SeededGenerator, depth: Int = 0) -> Filter {
        switch Int.random(in: 0..<(depth < 3 ? 9 : 6), using: &random) {
        case 0: .tagsAny(some(tags, &random))
        case 1: .tagsAll(Array(some(tags, &random).prefix(1)))
        case 2: attribute(&random)
        case 3...5: .field(keys.randomElement(using: &random) ?? "year", comparison(&random))
        case 6: .not(tree(&random, depth: depth + 1))
        case 7: .all((0..<Int.random(in: 0...3, using: &random)).map { _ in tree(&random, depth: depth + 1) })
        default: .any((0..<Int.random(in: 0...3, using: &random)).map { _ in tree(&random, depth: depth + 1) })
        }
    }

    static func facts(_ random: inout SeededGenerator) -> DocumentFacts {
        var facts = DocumentFacts()
        for key in keys where Bool.random(using: &random) {
            facts.metadata[key] =
                switch Int.random(in: 0..<5, using: &random) {
                case 0: .array((0..<Int.random(in: 0...3, using: &random)).map { _ in scalar(&random) })
                case 1: Bool.random(using: &random) ? .null : .object(["inside": scalar(&random)])
                default: scalar(&random)
                }
        }
        facts.tags = some(tags, &random)
        if Bool.random(using: &random) { facts.principals = some(principals, &random) }
        return facts
    }
}
