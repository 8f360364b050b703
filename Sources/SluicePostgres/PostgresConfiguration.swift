internal import SluiceCore

/// Where the server is and how connections to it behave.
///
/// Its description shows no password; `url` itself does: never log that.
package struct PostgresConfiguration: Sendable {
    /// As libpq takes it, `postgresql://…` or `key=value …`, several hosts included. May hold a password.
    package var url: String
    /// Shown in `pg_stat_activity`.
    package var applicationName: String
    /// Sent with the start-up packet as `-c name=value`, after the address's own `options`.
    ///
    /// PgBouncer drops or refuses such settings: there, name `options` in its `ignore_startup_parameters` and set them on
    /// the role instead.
    package var settings: [String: String]
    package var connectTimeout: Duration
    /// The server's limit for one statement; zero for none. The client waits 5 s longer and then gives the connection up.
    package var statementTimeout: Duration
    /// The server's limit for one wait for a lock; zero for none.
    package var lockTimeout: Duration
    /// After this the server ends a connection that idles inside a transaction; zero for never.
    package var idleInTransactionTimeout: Duration
    /// Connections at most, 1...500.
    package var poolSize: Int
    /// How long a caller waits for a connection.
    package var acquireTimeout: Duration
    /// Age at which a connection is replaced, so that a fleet spreads again after a fail-over.
    package var maxLifetime: Duration
    /// Connections that nobody used for this long are closed.
    package var maxIdle: Duration
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
        maxLifetime: Duration = .seconds(3_600),
        maxIdle: Duration = .seconds(300),
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
        self.maxLifetime = maxLifetime
        self.maxIdle = maxIdle
        self.prepares = prepares
    }

    /// How long the client waits for one statement, past the server's own limit; nil for ever.
    var clientTimeout: Duration? { statementTimeout == .zero ? nil : statementTimeout + Self.timeoutMargin }
    /// The server's own limit is to come first: its error says more.
    private static let timeoutMargin = Duration.seconds(5)

    /// The client's limit that goes with a `statement_timeout` among a transaction's settings; nil: the connection's own.
    static func clientTimeout(of settings: [(name: String, value: String)]) -> Duration? {
        guard let value = settings.last(where: { $0.name == "statement_timeout" })?.value,
            let milliseconds = Int64(value)
        else { return nil }
        return milliseconds == 0 ? .seconds(86_400) : .milliseconds(milliseconds) + timeoutMargin
    }

    /// libpq's parameter names and values. `dbname` holds the whole address and comes first, so the others prevail.
    ///
    /// - Parameter addressOptions: what the address itself has under `options`.
    func parameters(addressOptions: String?) -> [(String, String)] {
        var options = settings
        options["statement_timeout"] = "\(statementTimeout.inMillisecondsRoundedUp)"
        options["lock_timeout"] = "\(lockTimeout.inMillisecondsRoundedUp)"
        options["idle_in_transaction_session_timeout"] = "\(idleInTransactionTimeout.inMillisecondsRoundedUp)"
        let own = options.sorted { $0.key < $1.key }.map { "-c \($0.key)=\(Self.escaped($0.value))" }
        let all = (addressOptions.map { [$0] } ?? []) + own
        return [
            ("dbname", url), ("application_name", applicationName), ("options", all.joined(separator: " ")),
            ("connect_timeout", "\(max(2, Int(connectTimeout.inSeconds.rounded(.up))))"),
            // A peer that vanished without a word is noticed within 30 s, whatever the statement's own limit.
            ("keepalives", "1"), ("keepalives_idle", "15"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "30000"), ("client_encoding", "UTF8"),
        ]
    }

    /// White space and backslashes in an option's value need a backslash. Source: pg_split_opts in postinit.c.
    private static func escaped(_ value: String) -> String {
        value.unicodeScalars.reduce(into: "") { result, scalar in
            if scalar == "\\" || scalar.properties.isWhitespace { result.append("\\") }
            result.unicodeScalars.append(scalar)
        }
    }
}

extension PostgresConfiguration: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String {
        "PostgreSQL \(ServerAddress(url)?.description ?? "at an unreadable address"), "
            + "\(poolSize) connections at most, as '\(applicationName)'"
    }

    package var debugDescription: String { description }

    package var customMirror: Mirror { Mirror(self, children: ["server": description]) }
}
