internal import SluiceCore

/// Where the server is and how connections to it behave.
package struct PostgresConfiguration: Sendable {
    /// As libpq takes it, `postgresql://…` or `key=value …`. Holds a password: never log it.
    package var url: String
    package var applicationName: String
    /// Sent with the start-up packet as `-c name=value`; behind a pooler set them on the role instead.
    package var settings: [String: String]
    package var connectTimeout: Duration
    /// The server's limit for one statement; the client waits a little longer and then gives the connection up.
    package var statementTimeout: Duration
    package var lockTimeout: Duration
    package var idleInTransactionTimeout: Duration
    /// Connections at most, 1...500.
    package var poolSize: Int
    /// How long a caller waits for a connection.
    package var acquireTimeout: Duration
    /// False where a pooler in transaction mode does not track prepared statements.
    package var prepares: Bool

    package init(
        url: String,
        applicationName: String,
        settings: [String: String] = [:],
        connectTimeout: Duration = .seconds(5),
        statementTimeout: Duration = .seconds(30),
        lockTimeout: Duration = .seconds(10),
        idleInTransactionTimeout: Duration = .seconds(60),
        poolSize: Int = 8,
        acquireTimeout: Duration = .seconds(15),
        prepares: Bool = true
    ) {
        self.url = url
        self.applicationName = applicationName
        self.settings = settings
        self.connectTimeout = connectTimeout
        self.statementTimeout = statementTimeout
        self.lockTimeout = lockTimeout
        self.idleInTransactionTimeout = idleInTransactionTimeout
        self.poolSize = poolSize
        self.acquireTimeout = acquireTimeout
        self.prepares = prepares
    }

    /// libpq's parameter names and values. `dbname` holds the whole address and comes first, so the others prevail.
    var parameters: [(String, String)] {
        var options = settings
        options["statement_timeout"] = "\(statementTimeout.inMillisecondsRoundedUp)"
        options["lock_timeout"] = "\(lockTimeout.inMillisecondsRoundedUp)"
        options["idle_in_transaction_session_timeout"] = "\(idleInTransactionTimeout.inMillisecondsRoundedUp)"
        let text = options.sorted { $0.key < $1.key }
            .map { "-c \($0.key)=\(Self.escaped($0.value))" }
            .joined(separator: " ")
        return [
            ("dbname", url), ("application_name", applicationName), ("options", text),
            ("connect_timeout", "\(max(2, Int(connectTimeout.inSeconds.rounded(.up))))"),
            ("keepalives", "1"), ("keepalives_idle", "15"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "30000"), ("client_encoding", "UTF8"),
        ]
    }

    /// Spaces and backslashes in an option's value need a backslash. Source: libpq's `options` parameter.
    private static func escaped(_ value: String) -> String {
        value.reduce(into: "") { result, character in
            if character == " " || character == "\\" { result.append("\\") }
            result.append(character)
        }
    }
}
