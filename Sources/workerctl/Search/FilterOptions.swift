internal import ArgumentParser
internal import FoundationEssentials
internal import SluiceSearch

/// Which documents may answer.
struct FilterOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Only documents that match, as JSON: {\"field\": \"year\", \"from\": 2024}; README has the form. @FILE reads it from a file.",
            valueName: "json"
        )
    )
    var filter: String?
    @Option(name: .long, help: "Only documents with this tag; repeatable: with all of them.") var tag: [String] = []
    @Option(
        name: .long,
        help: "Ask as this one: only what everyone or it may find; repeatable. Default: no matter who may."
    )
    var principal: [String] = []
    @Flag(name: .long, help: "Ask as nobody in particular: only what everyone may find.") var anonymous = false

    func validate() throws { _ = try tree() }

    var principals: [String]? { principal.isEmpty && !anonymous ? nil : principal }

    /// Nil when every document may answer.
    func tree() throws -> Filter? {
        var parts: [Filter] = tag.isEmpty ? [] : [.tagsAll(tag)]
        if let filter {
            do {
                let json =
                    filter.hasPrefix("@")
                    ? try Data(contentsOf: URL(filePath: String(filter.dropFirst()))) : Data(filter.utf8)
                parts.append(try JSONDecoder().decode(Filter.self, from: json))
            } catch let error as DecodingError {
                throw ValidationError("--filter cannot be used: \(Self.why(error))")
            }
        }
        return parts.count > 1 ? .all(parts) : parts.first
    }

    private static func why(_ error: DecodingError) -> String {
        switch error {
        case .dataCorrupted(let context), .keyNotFound(_, let context), .typeMismatch(_, let context),
            .valueNotFound(_, let context):
            context.debugDescription
        default: "it is no filter"
        }
    }
}
