internal import SluiceCore
internal import SluiceSystem

/// A list of keys that cannot be used, and why; never a key.
package struct PayloadKeysError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String
}

/// The keys that payloads are sealed with at rest. Its description names ids only.
///
/// The first seals, all open: so a key is rotated by adding the new one behind the old one everywhere, then putting it first,
/// then sealing anew what is stored (`workerctl rotate-payloads`), then leaving the old one out.
package struct PayloadKeys: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    struct Key: Sendable {
        let id: String
        let cipher: AuthenticatedCipher
    }

    let keys: [Key]

    /// Payloads are stored as they are; sealed ones cannot be opened.
    package static let none = PayloadKeys(keys: [])

    private init(keys: [Key]) { self.keys = keys }

    /// - Parameter text: `id:base64` of 32 bytes each, separated by commas or white space; the first seals.
    package init(_ text: String) throws(PayloadKeysError) {
        var keys: [Key] = []
        for part in text.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            guard let colon = part.firstIndex(of: ":") else {
                throw PayloadKeysError(description: "key \(keys.count + 1) is not of the form id:base64")
            }
            let id = String(part[..<colon])
            guard NameRule.accepts(id) else {
                throw PayloadKeysError(
                    description: "the id of key \(keys.count + 1) is not valid: \(NameRule.sentence)"
                )
            }
            guard !keys.contains(where: { $0.id == id }) else {
                throw PayloadKeysError(description: "two keys have the id '\(id)'")
            }
            guard let bytes = Base64.bytes(of: part[part.index(after: colon)...]),
                let cipher = AuthenticatedCipher(key: bytes)
            else {
                throw PayloadKeysError(
                    description: "key '\(id)' is not the base64 of 32 bytes; make one with: openssl rand -base64 32"
                )
            }
            keys.append(Key(id: id, cipher: cipher))
        }
        self.keys = keys
    }

    /// The id of the key that seals; nil: nothing is sealed.
    package var sealingID: String? { keys.first?.id }

    package var description: String { "PayloadKeys(\(keys.map(\.id).joined(separator: ", ")))" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: ["ids": keys.map(\.id)]) }
}
