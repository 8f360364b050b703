internal import SluiceSystem

/// A Lua script and the digest by which the server knows it.
package struct RedisScript: Sendable, Hashable {
    /// For messages and tests; the server does not see it.
    package let name: String
    package let source: [UInt8]
    /// 40 hexadecimal digits.
    package let digest: String

    package init(name: String, source: [UInt8]) {
        self.name = name
        self.source = source
        digest = SHA1Digest.hexadecimal(of: source)
    }

    package init(name: String, source: String) { self.init(name: name, source: Array(source.utf8)) }

    package static func == (left: RedisScript, right: RedisScript) -> Bool { left.digest == right.digest }
    package func hash(into hasher: inout Hasher) { hasher.combine(digest) }
}

/// One run of a script with its keys and arguments.
package struct RedisScriptCall: Sendable {
    let script: RedisScript
    private let tail: [RedisArgument]

    package init(_ script: RedisScript, keys: [RedisArgument], arguments: [RedisArgument] = []) {
        self.script = script
        tail = [.number(keys.count)] + keys + arguments
    }

    /// By digest: short, but answered NOSCRIPT by a server that has restarted, failed over or been flushed.
    var byDigest: RedisCommand { RedisCommand(["EVALSHA", .text(script.digest)] + tail) }
    /// With the source, which the server keeps from then on.
    var bySource: RedisCommand { RedisCommand(["EVAL", .bytes(script.source)] + tail) }
}
