internal import SluiceCore

/// A failed call to Redis. `description` is safe to log: no keys, no values, no address.
package struct RedisError: Error, TransientFailure, CustomStringConvertible {
    package enum Code: String, Sendable {
        case cannotConnect, connectionLost, timeout, authentication, noScript, outOfMemory, loading, readOnly
        case wrongType, badAddress, unexpectedReply, server
    }

    package let code: Code
    /// The first word of the server's error, `OOM`, `NOSCRIPT`.
    package let serverCode: String?

    package init(_ code: Code, serverCode: String? = nil) {
        self.code = code
        self.serverCode = serverCode
    }

    init(reply text: String) {
        let word = String(text.prefix { $0 != " " })
        let code: Code =
            switch word {
            case "NOSCRIPT": .noScript
            case "OOM": .outOfMemory
            case "LOADING", "BUSY", "MASTERDOWN", "TRYAGAIN": .loading
            case "READONLY": .readOnly
            case "WRONGTYPE": .wrongType
            case "NOAUTH", "WRONGPASS", "NOPERM": .authentication
            default: .server
            }
        self.init(code, serverCode: word)
    }

    package var isTransient: Bool {
        switch code {
        case .cannotConnect, .connectionLost, .timeout, .outOfMemory, .loading, .readOnly, .noScript: true
        default: false
        }
    }

    package var description: String {
        let text =
            switch code {
            case .cannotConnect: "the server cannot be reached; check SLUICE_REDIS_URL and that it runs"
            case .connectionLost: "the connection was lost; the call may be tried again"
            case .timeout: "no answer in time"
            case .authentication: "the server refused the user or password; check SLUICE_REDIS_URL"
            case .noScript: "the server does not know the script"
            case .outOfMemory: "the server has reached its maxmemory; raise it and keep maxmemory-policy noeviction"
            case .loading: "the server is busy or loads its data"
            case .readOnly: "the server is a read-only replica; connect to the primary"
            case .wrongType: "a key holds another type; does another program use the same prefix?"
            case .badAddress:
                "the address is not redis://[user:password@]host[:port][/database] or unix:///path (rediss:// needs TLS, "
                    + "which this client does not have)"
            case .unexpectedReply: "an answer was not what was expected"
            case .server: "the command failed"
            }
        return "Redis: " + text + (serverCode.map { " (\($0))" } ?? "")
    }
}
