/// What `INFO` tells about a server.
package struct RedisServerInfo: Sendable {
    /// All fields by name, as the server spells them.
    package let fields: [String: String]

    package init(text: String) {
        var fields: [String: String] = [:]
        for line in text.utf8.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            guard line.first != UInt8(ascii: "#"), let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            fields[String(Substring(line[..<colon]))] = String(Substring(line[line.index(after: colon)...]))
        }
        self.fields = fields
    }

    /// `7.0.15`; nil when the server hides it.
    package var version: String? { fields["valkey_version"] ?? fields["redis_version"] }
    package var usedMemoryBytes: Int? { number("used_memory") }
    /// 0 means no limit.
    package var maxMemoryBytes: Int? { number("maxmemory") }
    /// Must be `noeviction`: any other policy throws queue keys away when memory is short.
    package var maxMemoryPolicy: String? { fields["maxmemory_policy"] }
    /// `master` or `slave`.
    package var role: String? { fields["role"] }
    package var connectedClients: Int? { number("connected_clients") }
    package var evictedKeys: Int? { number("evicted_keys") }
    package var uptimeSeconds: Int? { number("uptime_in_seconds") }

    private func number(_ name: String) -> Int? { fields[name].flatMap { Int($0) } }
}

extension RedisClient {
    package func serverInfo() async throws(RedisError) -> RedisServerInfo {
        guard let text = try await command(["INFO"]).text else { throw RedisError(.unexpectedReply) }
        return RedisServerInfo(text: text)
    }
}
