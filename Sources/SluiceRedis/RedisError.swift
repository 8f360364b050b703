internal import SluiceCore

/// A failed call to Redis.
///
/// `description` is safe to log and to show: no keys, no arguments, no text of the server, no address.
/// `String(reflecting:)` adds the server's or the system's own sentence, for debugging.
package struct RedisError: TransientFailure, Hashable {
    /// What a caller can act on.
    package enum Code: String, Sendable {
        case cannotConnect, connectionLost, timeout, cancelled, closed, tooManyClients
        case authentication, noPermission, invalidConfiguration
        case noScript, outOfMemory, loading, readOnly, busy, wrongType, clustered
        case protocolViolation, unexpectedReply, server
    }

    package let code: Code
    private let detail: String?

    package init(_ code: Code, _ detail: String? = nil) {
        self.code = code
        self.detail = detail
    }

    /// From an error reply, whose first word tells its kind.
    init(reply: String) {
        self.init(Self.code(forReply: reply), reply)
    }

    /// True when the same call may succeed later without anyone changing anything.
    package var isTransient: Bool {
        switch code {
        case .cannotConnect, .connectionLost, .timeout, .tooManyClients, .noScript, .outOfMemory, .loading, .readOnly,
            .busy:
            true
        default: false
        }
    }

    /// True when the server is away as a whole, so that there is no use in asking it anything else right now.
    package var isOutage: Bool {
        switch code {
        case .cannotConnect, .connectionLost, .timeout, .tooManyClients, .authentication, .loading, .closed: true
        default: false
        }
    }

    private static func code(forReply reply: String) -> Code {
        switch reply.prefix(while: { $0 != " " }) {
        case "NOSCRIPT": .noScript
        case "OOM": .outOfMemory
        case "LOADING", "MASTERDOWN": .loading
        case "READONLY": .readOnly
        case "BUSY": .busy
        case "WRONGTYPE": .wrongType
        case "NOAUTH", "WRONGPASS", "DENIED": .authentication
        case "NOPERM": .noPermission
        case "MOVED", "ASK", "CLUSTERDOWN", "CROSSSLOT", "TRYAGAIN": .clustered
        case "ERR" where reply.hasPrefix("ERR max number of clients"): .tooManyClients
        case "ERR" where reply.hasPrefix("ERR invalid password"): .authentication
        // Sent by servers before 6 that have no password, to a client that has one.
        case "ERR" where reply.hasPrefix("ERR Client sent AUTH"): .authentication
        default: .server
        }
    }
}

extension RedisError: CustomStringConvertible, CustomDebugStringConvertible {
    package var description: String { "Redis: " + advice }
    package var debugDescription: String { description + (detail.map { ": \($0)" } ?? "") }

    private var advice: String {
        switch code {
        case .cannotConnect: "the server cannot be reached; check SLUICE_REDIS_URL and that it runs"
        case .connectionLost: "the connection was lost; the call may be tried again"
        case .timeout: "no answer in time; the server is overloaded or the network is cut"
        case .cancelled: "the call was cancelled"
        case .closed: "the client was closed; the process is stopping"
        case .tooManyClients: "the server has no connection left; raise maxclients"
        case .authentication: "the server refused the user or the password; check SLUICE_REDIS_URL"
        case .noPermission: "the user may not do this; widen its ACL"
        case .invalidConfiguration: detail ?? "the address is malformed; see SLUICE_REDIS_URL"
        case .noScript: "a script is not in the server's cache; try again"
        case .outOfMemory: "the server has reached maxmemory; raise it, or find what fills it"
        case .loading: "the server starts and loads its data; try again"
        case .readOnly: "the server is a replica, or was made read-only; connect to the primary"
        case .busy: "a script blocks the server; try again"
        case .wrongType: "a key holds another type than expected; is the prefix shared with another program?"
        case .clustered: "the server is a cluster node that holds other keys; use a single server or a proxy"
        case .protocolViolation: "the answer is not Redis's protocol; does something else listen at this address?"
        case .unexpectedReply: "a reply has another shape than expected; do the versions of fleet and server fit?"
        case .server: "the command failed"
        }
    }
}
