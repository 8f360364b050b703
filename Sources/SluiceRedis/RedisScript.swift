internal import SluiceCore
internal import SluiceSystem

/// A Lua script with a fixed number of keys, called by digest and sent in full only when the server lacks it.
package struct RedisScript: Sendable {
    package let name: String
    package let keyCount: Int
    private let source: [UInt8]
    private let digest: String

    package init(_ name: String, keyCount: Int, source: [UInt8]) {
        self.name = name
        self.keyCount = keyCount
        self.source = source
        digest = SHA1Digest.hexadecimal(of: source)
    }

    fileprivate func call(keys: [String], arguments: [String], inFull: Bool) -> RedisCommand {
        precondition(keys.count == keyCount, "\(name) takes \(keyCount) keys, not \(keys.count)")
        let head = inFull ? [Array("EVAL".utf8), source] : [Array("EVALSHA".utf8), Array(digest.utf8)]
        return RedisCommand(head + (["\(keyCount)"] + keys + arguments).map { Array($0.utf8) })
    }
}

/// A call of a script, for pipelines.
package struct RedisScriptCall: Sendable {
    package let script: RedisScript
    package let keys: [String]
    package let arguments: [String]

    package init(_ script: RedisScript, keys: [String], arguments: [String]) {
        self.script = script
        self.keys = keys
        self.arguments = arguments
    }
}

extension RedisConnection {
    package func run(_ call: RedisScriptCall) async throws(RedisError) -> RedisValue {
        let reply = try await run([call])[0]
        if case .failure(let text) = reply { throw RedisError(reply: text) }
        return reply
    }

    /// Runs script calls in one pipeline. Those that the server did not know are sent again in full, in order.
    package func run(_ calls: [RedisScriptCall]) async throws(RedisError) -> [RedisValue] {
        var replies = try await pipeline(
            calls.map { $0.script.call(keys: $0.keys, arguments: $0.arguments, inFull: false) }
        )
        let unknown = replies.indices.filter { index in
            if case .failure(let text) = replies[index] { RedisError(reply: text).code == .noScript } else { false }
        }
        if unknown.isEmpty { return replies }
        let again = try await pipeline(
            unknown.map { calls[$0].script.call(keys: calls[$0].keys, arguments: calls[$0].arguments, inFull: true) }
        )
        for (index, reply) in zip(unknown, again) { replies[index] = reply }
        return replies
    }
}
