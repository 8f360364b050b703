extension PostgresError {
    /// Finds out why a connection was refused from libpq's message, verbose where it could be asked for.
    package init(refusalOfConnection message: String) {
        if let state = Self.sqlState(inVerbose: message) {
            let code = Self.code(forSQLState: state)
            // Whatever else the server has against us, it is there and lets nobody in: a database that does not exist.
            self.init(code == .server ? .cannotConnect : code, message, sqlState: state)
            return
        }
        func says(_ parts: String...) -> Bool { parts.contains { message.contains($0) } }
        let refused = says("authentication failed", "no password supplied", "no pg_hba.conf entry")
        let full = says("too many clients", "remaining connection slots")
        let stopping = says("starting up", "shutting down")
        self.init(
            refused ? .authentication : full ? .tooManyConnections : stopping ? .shuttingDown : .cannotConnect,
            message
        )
    }

    /// The SQLSTATE in `FATAL:  28P01: password authentication failed…`, whose first word may be in any language.
    private static func sqlState(inVerbose message: String) -> String? {
        let scalars = Array(message.unicodeScalars)
        var index = scalars.startIndex
        while index + 10 <= scalars.count {
            defer { index += 1 }
            guard scalars[index] == ":", scalars[index + 1] == " ", scalars[index + 2] == " ",
                scalars[index + 8] == ":", scalars[index + 9] == " "
            else { continue }
            let state = scalars[(index + 3)..<(index + 8)]
            let isState = state.allSatisfy { ("0"..."9").contains($0) || ("A"..."Z").contains($0) }
            if isState { return String(String.UnicodeScalarView(state)) }
        }
        return nil
    }
}
