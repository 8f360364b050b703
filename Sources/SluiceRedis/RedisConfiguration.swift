internal import SluiceCore

/// Where the server is. Holds a password: never log it.
package struct RedisConfiguration: Sendable {
    package enum Endpoint: Sendable, Equatable {
        case tcp(host: String, port: Int)
        case unix(path: String)
    }

    package var endpoint: Endpoint
    package var user: String?
    package var password: String?
    package var database: Int
    package var connectTimeout: Duration
    /// For one command or pipeline; blocking commands get their own time on top.
    package var commandTimeout: Duration

    /// Reads `redis://[user:password@]host[:port][/database]` and `unix:///path/of/socket`.
    package init(
        url: String,
        connectTimeout: Duration = .seconds(2),
        commandTimeout: Duration = .seconds(5)
    ) throws(RedisError) {
        self.connectTimeout = connectTimeout
        self.commandTimeout = commandTimeout
        user = nil
        password = nil
        database = 0
        if url.hasPrefix("unix://") {
            endpoint = .unix(path: String(url.dropFirst(7)))
            return
        }
        guard url.hasPrefix("redis://") else { throw RedisError(.badAddress) }
        var rest = url.dropFirst(8)
        if let at = rest.lastIndex(of: "@") {
            let credentials = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            if credentials.count == 2 {
                user = credentials[0].isEmpty ? nil : try Self.decoded(credentials[0])
                password = try Self.decoded(credentials[1])
            } else {
                password = try Self.decoded(credentials[0])
            }
            rest = rest[rest.index(after: at)...]
        }
        if let slash = rest.firstIndex(of: "/") {
            let path = rest[rest.index(after: slash)...].prefix { $0 != "?" }
            if !path.isEmpty {
                guard let number = Int(path), (0...65_535).contains(number) else { throw RedisError(.badAddress) }
                database = number
            }
            rest = rest[..<slash]
        }
        var port = 6_379
        var host = rest
        if let colon = rest.lastIndex(of: ":"), rest.last != "]" {
            guard let number = Int(rest[rest.index(after: colon)...]), (1...65_535).contains(number) else {
                throw RedisError(.badAddress)
            }
            port = number
            host = rest[..<colon]
        }
        if host.first == "[", host.last == "]" { host = host.dropFirst().dropLast() }
        guard !host.isEmpty else { throw RedisError(.badAddress) }
        endpoint = .tcp(host: String(host), port: port)
    }

    /// Takes percent-encoding out of a user or password.
    private static func decoded(_ text: Substring) throws(RedisError) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.first {
            rest = rest.dropFirst()
            if byte == UInt8(ascii: "%") {
                guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
                    throw RedisError(.badAddress)
                }
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
