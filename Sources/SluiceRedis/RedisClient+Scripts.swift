extension RedisClient {
    /// Runs a script, by its digest where the server knows it, else with its source; throws its error reply.
    package func evaluate(
        _ script: RedisScript,
        keys: [RedisArgument],
        arguments: [RedisArgument] = []
    ) async throws(RedisError) -> RedisValue {
        let replies = try await evaluate([RedisScriptCall(script, keys: keys, arguments: arguments)])
        guard let reply = replies.first else { throw RedisError(.unexpectedReply) }
        return try reply.orThrow()
    }

    /// Runs scripts in one round trip; error replies are values among the others.
    ///
    /// Calls that the server answers with NOSCRIPT did nothing; they are run again, in their order, in a second round
    /// trip. So with several scripts of which some are unknown, an unknown one runs after a known one that stood behind it.
    package func evaluate(_ calls: [RedisScriptCall]) async throws(RedisError) -> [RedisValue] {
        var replies = try await pipeline(calls.map(\.byDigest))
        let unknown = calls.indices.filter { replies[$0].error?.code == .noScript }
        guard !unknown.isEmpty else { return replies }
        // The source once a script: the server knows it for the calls behind.
        var sent: Set<RedisScript> = []
        let again = unknown.map { index in
            sent.insert(calls[index].script).inserted ? calls[index].bySource : calls[index].byDigest
        }
        for (index, reply) in zip(unknown, try await pipeline(again)) { replies[index] = reply }
        return replies
    }
}
