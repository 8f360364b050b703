internal import SluiceCore
package import SluicePostgres
package import SluiceStore
internal import SluiceSystem

/// Where the servers are, and how this process talks to them.
public struct SluiceSettings: Sendable {
    /// PostgreSQL, `postgresql://user:password@host:port/database`.
    public var databaseURL: String
    /// `redis://[:password@]host:port/database`; nil: workers look into PostgreSQL themselves, new tasks wake nobody.
    public var redisURL: String?
    public var schema = "sluice"
    public var redisPrefix = "sluice"
    /// Connections at most, at least 2.
    public var poolSize = 4
    /// False behind a pooler that does not track prepared statements.
    public var preparesStatements = true
    /// As in `SLUICE_PAYLOAD_KEYS`: `id:base64` of 32 bytes each, separated by commas; the first seals. Nil: nothing is sealed.
    public var payloadKeys: String?

    public init(databaseURL: String, redisURL: String? = nil) {
        self.databaseURL = databaseURL
        self.redisURL = redisURL
    }

    /// From `SLUICE_DATABASE_URL`, `SLUICE_REDIS_URL`, `SLUICE_SCHEMA`, `SLUICE_REDIS_PREFIX` and `SLUICE_PAYLOAD_KEYS`; a
    /// variable `NAME_FILE` names a file that holds the value of `NAME`.
    public static func fromEnvironment() throws(SluiceError) -> SluiceSettings {
        func value(_ name: String) throws(SluiceError) -> String? {
            if let value = Environment.value(name) { return value }
            guard let path = Environment.value(name + "_FILE") else { return nil }
            guard let line = Environment.textFile(path)?.split(whereSeparator: \.isNewline).first else {
                throw SluiceError("\(name)_FILE: the file '\(path)' cannot be read, or is empty")
            }
            return String(line)
        }
        guard let database = try value("SLUICE_DATABASE_URL") else {
            throw SluiceError("SLUICE_DATABASE_URL is not set")
        }
        var settings = SluiceSettings(databaseURL: database)
        settings.redisURL = try value("SLUICE_REDIS_URL").flatMap { $0 == "none" ? nil : $0 }
        if let schema = try value("SLUICE_SCHEMA") { settings.schema = schema }
        if let prefix = try value("SLUICE_REDIS_PREFIX") { settings.redisPrefix = prefix }
        settings.payloadKeys = try value("SLUICE_PAYLOAD_KEYS")
        return settings
    }

    package func keys() throws(SluiceError) -> PayloadKeys {
        guard let payloadKeys else { return .none }
        do { return try PayloadKeys(payloadKeys) } catch { throw SluiceError("the payload keys: \(error)") }
    }

    package func postgres(_ name: String, poolSize: Int? = nil) -> PostgresConfiguration {
        PostgresConfiguration(
            url: databaseURL,
            applicationName: name,
            poolSize: max(2, poolSize ?? self.poolSize),
            prepares: preparesStatements
        )
    }

    /// A plain identifier, since it becomes part of SQL.
    package func check() throws(SluiceError) {
        let isPlain = schema.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 95 }
        guard isPlain, (1...63).contains(schema.utf8.count), !(48...57).contains(schema.utf8.first ?? 48) else {
            throw SluiceError("the schema must be a plain name of a-z, 0-9 and '_', at most 63 characters")
        }
        guard NameRule.accepts(redisPrefix) else { throw SluiceError("the Redis prefix: \(NameRule.sentence)") }
    }
}

extension SluiceSettings: CustomStringConvertible, CustomReflectable {
    /// Names no address and no key: both may hold secrets.
    public var description: String { "SluiceSettings(schema: \(schema))" }
    public var customMirror: Mirror { Mirror(self, children: ["schema": schema]) }
}
