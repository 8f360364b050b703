/// One argument of a command: any bytes.
package enum RedisArgument: Sendable, Hashable {
    case text(String)
    case bytes([UInt8])
    case number(Int)
}

extension RedisArgument: ExpressibleByStringLiteral, ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral {
    package init(stringLiteral value: String) { self = .text(value) }
    package init(integerLiteral value: Int) { self = .number(value) }
}

/// A command in the form in which it travels, encoded once when it is made.
///
/// An array literal makes one: `["SET", key, .bytes(content), "PX", 500]`.
package struct RedisCommand: Sendable, Hashable, ExpressibleByArrayLiteral {
    /// An array of bulk strings in RESP: binary-safe, whatever the arguments hold.
    let encoded: [UInt8]

    package init(arrayLiteral elements: RedisArgument...) { self.init(elements) }

    /// - Parameter arguments: the command's name and what follows; at least one.
    package init(_ arguments: [RedisArgument]) {
        // An empty array would be skipped by the server without a reply, and its caller would wait in vain.
        precondition(!arguments.isEmpty, "a Redis command begins with its name")
        var bytes: [UInt8] = []
        bytes.reserveCapacity(arguments.count * 24 + 16)
        Self.append(header: UInt8(ascii: "*"), arguments.count, to: &bytes)
        for argument in arguments {
            switch argument {
            case .text(var text):
                text.withUTF8 { Self.append(bulk: UnsafeRawBufferPointer($0), to: &bytes) }
            case .bytes(let content):
                content.withUnsafeBytes { Self.append(bulk: $0, to: &bytes) }
            case .number(let number):
                var text = String(number)
                text.withUTF8 { Self.append(bulk: UnsafeRawBufferPointer($0), to: &bytes) }
            }
        }
        encoded = bytes
    }

    private static func append(header: UInt8, _ count: Int, to bytes: inout [UInt8]) {
        bytes.append(header)
        bytes.append(contentsOf: String(count).utf8)
        bytes.append(UInt8(ascii: "\r"))
        bytes.append(UInt8(ascii: "\n"))
    }

    private static func append(bulk content: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
        append(header: UInt8(ascii: "$"), content.count, to: &bytes)
        bytes.append(contentsOf: content)
        bytes.append(UInt8(ascii: "\r"))
        bytes.append(UInt8(ascii: "\n"))
    }
}
