/// An answer of the server (RESP2).
package enum RedisValue: Sendable, Hashable {
    case null
    case integer(Int64)
    /// Bulk and simple strings.
    case bytes([UInt8])
    case array([RedisValue])
    /// An error inside a pipeline or an array; at the top of a single call it is thrown.
    case failure(String)

    package var text: String? {
        if case .bytes(let bytes) = self { return String(decoding: bytes, as: UTF8.self) }
        return nil
    }

    /// An integer, also when the server sent it as text.
    package var integer: Int64? {
        switch self {
        case .integer(let value): value
        case .bytes(let bytes): Int64(String(decoding: bytes, as: UTF8.self))
        default: nil
        }
    }

    package var array: [RedisValue]? {
        if case .array(let values) = self { return values }
        return nil
    }
}

/// A command with its arguments, binary-safe.
package struct RedisCommand: Sendable {
    package let arguments: [[UInt8]]

    package init(_ arguments: [[UInt8]]) { self.arguments = arguments }

    package init(_ arguments: String...) { self.arguments = arguments.map { Array($0.utf8) } }

    package init(_ arguments: [String]) { self.arguments = arguments.map { Array($0.utf8) } }
}
