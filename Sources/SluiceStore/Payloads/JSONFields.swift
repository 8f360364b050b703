/// Finds top-level fields of a JSON object without decoding it. For text that PostgreSQL or an encoder has written: what is
/// no object, or no JSON, has no fields.
package enum JSONFields {
    /// The values of these fields as they are written. Names must need no escapes.
    package static func raw(of text: String, _ names: [String]) -> [String: Substring] {
        let bytes = text.utf8
        // Most payloads have none of them: look before reading.
        guard names.contains(where: { contains(bytes, $0) }) else { return [:] }
        var found: [String: Substring] = [:]
        var scanner = Scanner(bytes)
        guard scanner.take(UInt8(ascii: "{")) else { return [:] }
        while let name = scanner.string(), scanner.take(UInt8(ascii: ":")), let value = scanner.value() {
            if let name = names.first(where: { name.utf8.elementsEqual($0.utf8) }) { found[name] = value }
            if !scanner.take(UInt8(ascii: ",")) { break }
        }
        return found
    }

    /// The names of all top-level fields, escapes as written.
    package static func names(of text: String) -> [String] {
        var names: [String] = []
        var scanner = Scanner(text.utf8)
        guard scanner.take(UInt8(ascii: "{")) else { return [] }
        while let name = scanner.string(), scanner.take(UInt8(ascii: ":")), scanner.value() != nil {
            names.append(String(name))
            if !scanner.take(UInt8(ascii: ",")) { break }
        }
        return names
    }

    private static func contains(_ bytes: String.UTF8View, _ name: String) -> Bool {
        guard let first = name.utf8.first else { return false }
        var rest = bytes[...]
        while let at = rest.firstIndex(of: first) {
            rest = rest[at...]
            if rest.starts(with: name.utf8) { return true }
            rest = rest.dropFirst()
        }
        return false
    }

    private struct Scanner {
        private let bytes: String.UTF8View
        private var at: String.Index

        init(_ bytes: String.UTF8View) {
            self.bytes = bytes
            at = bytes.startIndex
        }

        private mutating func skipBlanks() {
            while at < bytes.endIndex, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[at]) { at = bytes.index(after: at) }
        }

        mutating func take(_ byte: UInt8) -> Bool {
            skipBlanks()
            guard at < bytes.endIndex, bytes[at] == byte else { return false }
            at = bytes.index(after: at)
            return true
        }

        /// What stands between the quotes, escapes as written.
        mutating func string() -> Substring? {
            guard take(UInt8(ascii: "\"")) else { return nil }
            let start = at
            while at < bytes.endIndex, bytes[at] != UInt8(ascii: "\"") {
                let isEscape = bytes[at] == UInt8(ascii: "\\")
                at = bytes.index(after: at)
                if isEscape, at < bytes.endIndex { at = bytes.index(after: at) }
            }
            guard at < bytes.endIndex else { return nil }
            defer { at = bytes.index(after: at) }
            return Substring(bytes[start..<at])
        }

        /// A value with all that is in it.
        mutating func value() -> Substring? {
            skipBlanks()
            let start = at
            var depth = 0
            while at < bytes.endIndex {
                switch bytes[at] {
                case UInt8(ascii: "\""):
                    if string() == nil { return nil }
                    if depth == 0 { return Substring(bytes[start..<at]) }
                    continue
                case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ","):
                    if depth == 0 { return trimmed(start) }
                    if bytes[at] != UInt8(ascii: ",") { depth -= 1 }
                    if depth == 0 {
                        at = bytes.index(after: at)
                        return Substring(bytes[start..<at])
                    }
                default: break
                }
                at = bytes.index(after: at)
            }
            return nil
        }

        private func trimmed(_ start: String.Index) -> Substring? {
            var end = at
            while end > start, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[bytes.index(before: end)]) {
                end = bytes.index(before: end)
            }
            return end > start ? Substring(bytes[start..<end]) : nil
        }
    }
}
