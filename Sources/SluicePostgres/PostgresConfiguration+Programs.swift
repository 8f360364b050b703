internal import CLibPQ

extension PostgresConfiguration {
    /// The variables by which PostgreSQL's own programs reach the same server as the same role: a password must not stand among
    /// a program's arguments, which everybody on the machine can read. Nil for an address that libpq cannot read.
    ///
    /// - Parameter options: settings for the session besides the address's own.
    package func programEnvironment(options: [String: String] = [:]) -> [String: String]? {
        guard let known = Self.options(of: url) else { return nil }
        var environment: [String: String] = [:]
        for option in known {
            if let variable = option.variable { environment[variable] = option.value }
        }
        let own = options.sorted { $0.key < $1.key }.map { "-c \($0.key)=\($0.value)" }
        let given = environment["PGOPTIONS"].map { [$0] } ?? []
        environment["PGOPTIONS"] = (given + own).joined(separator: " ")
        environment["PGAPPNAME"] = applicationName
        environment["PGCLIENTENCODING"] = "UTF8"
        return environment
    }

    /// The same server and role, another database. Nil for an address that libpq cannot read.
    package func inDatabase(_ name: String) -> PostgresConfiguration? {
        guard let known = Self.options(of: url) else { return nil }
        var configuration = self
        let pairs = known.filter { $0.keyword != "dbname" }.map { ($0.keyword, $0.value) } + [("dbname", name)]
        configuration.url = pairs.map { "\($0)='\(Self.quoted($1))'" }.joined(separator: " ")
        return configuration
    }

    private struct Option {
        let keyword: String
        let variable: String?
        let value: String
    }

    private static func options(of url: String) -> [Option]? {
        guard let parsed = PQconninfoParse(url, nil) else { return nil }
        defer { PQconninfoFree(parsed) }
        var options: [Option] = []
        var option = parsed
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val {
                options.append(
                    Option(
                        keyword: String(cString: keyword),
                        variable: option.pointee.envvar.map { String(cString: $0) },
                        value: String(cString: value)
                    )
                )
            }
            option += 1
        }
        return options
    }

    /// Source: "Connection Strings", keyword/value: quotes and backslashes need a backslash.
    private static func quoted(_ value: String) -> String {
        value.reduce(into: "") { result, character in
            if character == "\\" || character == "'" { result.append("\\") }
            result.append(character)
        }
    }
}
