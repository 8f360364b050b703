internal import CLibPQ

/// A call to PostgreSQL as plain text, for connections that are not ours.
package struct TextCall: Sendable {
    package let sql: String
    package let parameters: [String?]

    package init(_ sql: String, _ parameters: [String?]) {
        self.sql = sql
        self.parameters = parameters
    }
}

/// Runs calls on a connection that belongs to someone else's code, within whatever transaction that has begun.
package enum BorrowedConnection {
    /// Blocks the calling thread for one round trip; nothing of the connection is kept.
    ///
    /// - Parameter connection: a `PGconn *` that no other thread uses meanwhile, not in the middle of a query of its own.
    /// - Returns: the first column of every row.
    /// - Throws: what the server refused; the caller's transaction is then aborted, as after any failed statement.
    package static func query(_ connection: OpaquePointer, _ call: TextCall) throws(PostgresError) -> [String?] {
        guard !call.parameters.contains(where: { $0?.utf8.contains(0) ?? false }) else {
            throw PostgresError(.invalidValue, "text with U+0000")
        }
        let values = call.parameters.map { $0.map { Array($0.utf8CString) } }
        var pointers: [UnsafePointer<CChar>?] = []
        var copies: [UnsafeMutablePointer<CChar>] = []
        defer { for copy in copies { copy.deallocate() } }
        for value in values {
            guard let value else {
                pointers.append(nil)
                continue
            }
            let copy = UnsafeMutablePointer<CChar>.allocate(capacity: value.count)
            copy.initialize(from: value, count: value.count)
            copies.append(copy)
            pointers.append(UnsafePointer(copy))
        }
        guard
            let raw = PQexecParams(connection, call.sql, Int32(pointers.count), nil, pointers, nil, nil, 0)
        else { throw PostgresError(.outOfResources, "libpq gave no result") }
        let reply = PGReply(adopting: raw)
        if let error = reply.error { throw error }
        return (0..<PQntuples(raw)).map { row in
            PQgetisnull(raw, row, 0) == 1 ? nil : String(cString: PQgetvalue(raw, row, 0))
        }
    }
}
