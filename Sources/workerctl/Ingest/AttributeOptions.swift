internal import ArgumentParser
internal import FoundationEssentials
internal import SluiceCore
internal import SluiceDocuments

/// What is said of documents at their ingest, to filter by and to keep from others.
struct AttributeOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "A field to filter by; repeatable. VALUE is JSON where it can be read as such, else text.",
            valueName: "key=value"
        )
    )
    var meta: [String] = []
    @Option(name: .long, help: "A tag to filter by; repeatable.") var tag: [String] = []
    @Option(name: .long, help: "Who may find it; repeatable. '*': everyone of the tenant, as without it.")
    var principal: [String] = []

    func validate() throws { _ = try attributes() }

    /// What was not given stays as it is.
    func attributes() throws -> DocumentAttributes {
        var metadata: [String: JSONValue] = [:]
        for pair in meta {
            guard let equals = pair.firstIndex(of: "="), equals > pair.startIndex else {
                throw ValidationError("--meta wants key=value, not '\(pair)'")
            }
            let text = String(pair[pair.index(after: equals)...])
            metadata[String(pair[..<equals])] = Self.value(text)
        }
        let attributes = DocumentAttributes(
            metadata: meta.isEmpty ? nil : metadata,
            tags: tag.isEmpty ? nil : tag,
            principals: principal.isEmpty ? nil : principal
        )
        do { try attributes.check() } catch { throw ValidationError(error.description) }
        return attributes
    }

    private static func value(_ text: String) -> JSONValue {
        // In a list: a value alone is no document to every decoder.
        guard let list = try? JSONDecoder().decode([JSONValue].self, from: Data("[\(text)]".utf8)), list.count == 1,
            let value = list.first
        else { return .string(text) }
        return value
    }
}
