internal import SluiceCore

/// Where the server is and how connections to it behave.
package struct RedisConfiguration: Sendable {
    package enum Endpoint: Sendable, Hashable {
        case tcp(host: String, port: Int)
        case unixSocket(path: String)
    }

    package var endpoint: Endpoint
    /// An ACL user; nil means the server's default user.
    package var username: String?
    /// Never logged.
    package var password: String?
    package var database: Int
    /// Shown by `CLIENT LIST`.
    package var clientName: String
    /// From the start of a connection attempt to the answer to its first PING.
    package var connectTimeout: Duration
    /// How long a caller waits for a reply, and how long a server that owes one may be silent before the connection is
    /// given up. Blocking pops add the time that they ask the server to wait.
    package var commandTimeout: Duration
    /// After a failed connection attempt calls fail at once for a random time of half to all of this, doubled with each
    /// further failure up to `backOffCap`.
    package var backOffBase: Duration
    package var backOffCap: Duration

    package init(
        endpoint: Endpoint,
        username: String? = nil,
        password: String? = nil,
        database: Int = 0,
        clientName: String = "sluice",
        connectTimeout: Duration = .seconds(2),
        commandTimeout: Duration = .seconds(5),
        backOffBase: Duration = .milliseconds(50),
        backOffCap: Duration = .seconds(2)
    ) {
        self.endpoint = endpoint
        self.username = username
        self.password = password
        self.database = database
        self.clientName = clientName
        self.connectTimeout = connectTimeout
        self.commandTimeout = commandTimeout
        self.backOffBase = backOffBase
        self.backOffCap = backOffCap
    }

    /// Reads `redis://[[user]:password@]host[:port][/database]` or `unix://[[user]:password@]/path/of.sock[?db=n]`;
    /// user and password may be percent-encoded. Throws `invalidConfiguration` with a sentence that says what is wrong
    /// and never repeats the address, since that may hold a password.
    package init(url: String) throws(RedisError) {
        guard let schemeEnd = url.utf8.firstIndex(of: UInt8(ascii: ":")), url[schemeEnd...].hasPrefix("://") else {
            throw Self.invalid("begins with neither redis:// nor unix://")
        }
        let scheme = url[..<schemeEnd].lowercased()
        let rest = url[url.index(schemeEnd, offsetBy: 3)...]
        switch scheme {
        case "redis":
            let (authority, path) = Self.split(rest, before: "/")
            let (credentials, address) = Self.credentials(authority)
            let (host, port) = try Self.hostAndPort(address)
            self.init(endpoint: .tcp(host: host, port: port))
            try read(credentials: credentials)
            let number = path.dropFirst().prefix { $0 != "?" }
            if !number.isEmpty { try read(database: number) }
        case "unix", "redis+unix", "redis-socket":
            let (credentials, address) = Self.credentials(rest)
            let (path, query) = Self.split(address, before: "?")
            guard path.hasPrefix("/"), path.utf8.count < 108 else {
                throw Self.invalid("needs an absolute path of less than 108 bytes after unix://")
            }
            self.init(endpoint: .unixSocket(path: String(path)))
            try read(credentials: credentials)
            if let pair = query.dropFirst().split(separator: "&").first(where: { $0.hasPrefix("db=") }) {
                try read(database: pair.dropFirst(3))
            }
        case "rediss":
            throw Self.invalid(
                "asks for TLS, which hiredis 0.14 does not have; put a TLS proxy (stunnel, a sidecar) beside the "
                    + "process and use redis:// to it"
            )
        default: throw Self.invalid("begins with neither redis:// nor unix://")
        }
    }

    private mutating func read(credentials: Substring?) throws(RedisError) {
        guard let credentials else { return }
        let (user, secret) = Self.split(credentials, before: ":")
        guard let user = Self.percentDecoded(user), let secret = Self.percentDecoded(secret.dropFirst()) else {
            throw Self.invalid("has a malformed percent escape in its user or password")
        }
        username = user.isEmpty ? nil : user
        password = secret.isEmpty ? nil : secret
        if username != nil && password == nil { throw Self.invalid("names a user without a password") }
    }

    private mutating func read(database text: Substring) throws(RedisError) {
        guard let number = Int(text), number >= 0 else {
            throw Self.invalid("has a database that is not a number from 0")
        }
        database = number
    }

    /// Up to the last `@`: passwords pasted without escapes may hold one.
    private static func credentials(_ authority: Substring) -> (Substring?, Substring) {
        guard let at = authority.lastIndex(of: "@") else { return (nil, authority) }
        return (authority[..<at], authority[authority.index(after: at)...])
    }

    private static func hostAndPort(_ address: Substring) throws(RedisError) -> (String, Int) {
        var host = address
        var port: Substring = ""
        if address.first == "[" {
            guard let end = address.firstIndex(of: "]") else { throw invalid("has a '[' without its ']'") }
            host = address[address.index(after: address.startIndex)..<end]
            port = address[address.index(after: end)...]
        } else {
            (host, port) = split(address, before: ":")
        }
        guard !host.isEmpty else { throw invalid("names no host") }
        guard !port.isEmpty else { return (String(host), 6_379) }
        guard port.first == ":", let number = Int(port.dropFirst()), (1...65_535).contains(number) else {
            throw invalid("has a port that is not a number of 1 to 65535")
        }
        return (String(host), number)
    }

    /// The text before the first `mark`, and the rest that begins with it; the rest is empty where there is none.
    private static func split(_ text: Substring, before mark: Character) -> (Substring, Substring) {
        guard let place = text.firstIndex(of: mark) else { return (text, "") }
        return (text[..<place], text[place...])
    }

    private static func percentDecoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = rest.prefix(2)
            guard digits.count == 2, let value = UInt8(String(Substring(digits)), radix: 16) else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func invalid(_ what: String) -> RedisError {
        RedisError(.invalidConfiguration, "the address in SLUICE_REDIS_URL \(what)")
    }
}
