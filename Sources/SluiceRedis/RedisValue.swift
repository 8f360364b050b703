/// A reply of the server, as RESP2 has it.
package enum RedisValue: Sendable, Hashable {
    /// A bulk or status string: bytes, not necessarily UTF-8.
    case string([UInt8])
    case integer(Int)
    case array([RedisValue])
    /// A missing string or array: no such key, or a blocking pop whose time passed.
    case null
    /// An error reply inside an array or a pipeline; a single command throws it instead.
    case error(RedisError)

    /// The text of a string; bytes that are not UTF-8 are repaired. Nil for every other kind of reply.
    package var text: String? {
        guard case .string(let bytes) = self else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    package var bytes: [UInt8]? {
        guard case .string(let bytes) = self else { return nil }
        return bytes
    }

    /// The number of an integer reply, or of a string that is the decimal form of one.
    package var number: Int? {
        switch self {
        case .integer(let value): value
        case .string(let bytes): Int(String(decoding: bytes, as: UTF8.self))
        default: nil
        }
    }

    /// An array's elements; nil for every other kind of reply.
    package var elements: [RedisValue]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }

    package var isNull: Bool { self == .null }

    package var error: RedisError? {
        guard case .error(let error) = self else { return nil }
        return error
    }

    /// This value, or the error that it is.
    package func orThrow() throws(RedisError) -> RedisValue {
        if case .error(let error) = self { throw error }
        return self
    }
}
