internal import Sluice
internal import SluiceCore
internal import SluiceSearch

/// What is asked, of which index, for whom.
public struct SluiceQuestion: Sendable {
    /// By what chunks are found.
    public enum Mode: String, Sendable, CaseIterable {
        /// By meaning; wants the version's model.
        case dense
        /// By words, rare ones first; asks no model.
        case bm25
        /// By both, fused by rank.
        case hybrid
    }

    public var text: String
    public var tenant: String
    public var index: String
    /// For whom: only documents that everyone, or one of these, may find. Nil: every document of the tenant, whoever may find it.
    public var principals: [String]?
    /// Only documents that match may answer; nil: all may.
    public var filter: SluiceFilter?
    /// Hits wanted, 1...1,000.
    public var count = 10
    public var mode = Mode.hybrid
    /// Hits of one document at most; nil: any number.
    public var perDocument: Int?

    /// - Parameter principals: who asks, and their groups; `[]` is somebody without a name. Nil, for those who may see everything, is to be
    ///   said.
    public init(_ text: String, tenant: String = "default", index: String = "default", principals: [String]?) {
        self.text = text
        self.tenant = tenant
        self.index = index
        self.principals = principals
    }

    func request() throws(SluiceError) -> SearchRequest {
        guard let tenant = TenantID(rawValue: tenant) else { throw SluiceError("the tenant: \(NameRule.sentence)") }
        guard let index = IndexName(rawValue: index) else { throw SluiceError("the index: \(NameRule.sentence)") }
        let mode: SearchMode =
            switch mode {
            case .dense: .dense
            case .bm25: .bm25
            case .hybrid: .hybrid
            }
        var request = SearchRequest(text: text, tenant: tenant, index: index, count: count, mode: mode)
        request.principals = principals
        request.filter = filter?.tree
        request.perDocument = perDocument
        return request
    }
}

/// Which documents may answer, by their metadata and tags.
public struct SluiceFilter: Sendable, Equatable {
    let tree: Filter

    /// A value of a field.
    public enum Value: Sendable, Equatable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
        ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral
    {
        case text(String)
        case number(Double)
        case flag(Bool)

        public init(stringLiteral value: String) { self = .text(value) }
        public init(integerLiteral value: Int) { self = .number(Double(value)) }
        public init(floatLiteral value: Double) { self = .number(value) }
        public init(booleanLiteral value: Bool) { self = .flag(value) }

        fileprivate var json: JSONValue {
            switch self {
            case .text(let text): .string(text)
            // As JSON has it: a whole number is one.
            case .number(let number): Int64(exactly: number).map { .integer($0) } ?? .number(number)
            case .flag(let flag): .bool(flag)
            }
        }
    }

    /// Every one of them; none: true.
    public static func all(_ parts: [SluiceFilter]) -> SluiceFilter { SluiceFilter(tree: .all(parts.map(\.tree))) }
    /// One of them at least; none: false.
    public static func any(_ parts: [SluiceFilter]) -> SluiceFilter { SluiceFilter(tree: .any(parts.map(\.tree))) }
    public static func not(_ part: SluiceFilter) -> SluiceFilter { SluiceFilter(tree: .not(part.tree)) }
    /// All of these tags.
    public static func tagged(_ tags: String...) -> SluiceFilter { SluiceFilter(tree: .tagsAll(tags)) }
    /// One of these tags at least.
    public static func tagged(anyOf tags: [String]) -> SluiceFilter { SluiceFilter(tree: .tagsAny(tags)) }
    /// A field of the metadata that equals one of these; one that is a list, by each element.
    public static func field(_ name: String, is values: Value...) -> SluiceFilter {
        SluiceFilter(tree: .field(name, .among(values.map(\.json))))
    }
    /// A field within limits, both included; nil: there is none on that side.
    public static func field(_ name: String, from: Value?, to: Value?) -> SluiceFilter {
        SluiceFilter(tree: .field(name, .range(Filter.Range(from: from?.json, to: to?.json))))
    }
}
