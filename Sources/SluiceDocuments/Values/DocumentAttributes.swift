package import SluiceCore

/// What whoever asks for an ingest says of a document, besides where it is. Nil leaves a part as it is.
///
/// It belongs to the document, not to its text: it changes at once, and nothing is read or embedded anew for it.
package struct DocumentAttributes: Sendable, Equatable {
    /// Fields to filter by. Values that are lists match by each of their elements; objects inside can only be asked for by whether
    /// they are there.
    package var metadata: [String: JSONValue]?
    package var tags: [String]?
    /// Who may find it; `*` stands for everyone of the tenant, and so stands a document of which nothing was said. Empty: nobody.
    package var principals: [String]?

    package init(metadata: [String: JSONValue]? = nil, tags: [String]? = nil, principals: [String]? = nil) {
        self.metadata = metadata
        self.tags = tags
        self.principals = principals
    }

    package var isEmpty: Bool { metadata == nil && tags == nil && principals == nil }
    package var isForEveryone: Bool { principals?.contains("*") ?? false }

    package struct Invalid: Error, Sendable, CustomStringConvertible {
        package let description: String
    }

    package static let metadataBytes = 16_384
    package static let tagsAtMost = 256
    package static let principalsAtMost = 1_024

    /// - Throws: what is too much, or holds a NUL character, which no text of PostgreSQL does.
    package func check() throws(Invalid) {
        if let metadata {
            let text = JSONValue.object(metadata).text
            guard text.utf8.count <= Self.metadataBytes else {
                throw Invalid(
                    description: "metadata takes \(text.utf8.count) bytes as JSON, of \(Self.metadataBytes) at most"
                )
            }
            guard !text.contains("\\u0000") else { throw Invalid(description: "metadata holds a NUL character") }
            if let key = metadata.keys.first(where: { $0.isEmpty || $0.unicodeScalars.count > 128 }) {
                throw Invalid(description: "a field's name has 1 to 128 characters, not \(key.unicodeScalars.count)")
            }
        }
        try Self.check(tags, "tag", atMost: Self.tagsAtMost, length: 128)
        try Self.check(principals, "principal", atMost: Self.principalsAtMost, length: 256)
    }

    private static func check(_ names: [String]?, _ what: String, atMost: Int, length: Int) throws(Invalid) {
        guard let names else { return }
        guard names.count <= atMost else {
            throw Invalid(description: "\(names.count) \(what)s were given, of \(atMost) at most")
        }
        for name in names {
            let count = name.unicodeScalars.count
            guard (1...length).contains(count), !name.unicodeScalars.contains("\0") else {
                throw Invalid(description: "a \(what) has 1 to \(length) characters, none of them NUL")
            }
        }
    }
}
