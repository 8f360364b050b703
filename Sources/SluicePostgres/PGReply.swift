internal import CLibPQ

/// The one owner of a `PGresult`. Stays on the connection's thread.
final class PGReply {
    let raw: OpaquePointer

    init(adopting raw: OpaquePointer) { self.raw = raw }

    deinit { PQclear(raw) }

    /// `COMMIT`, `INSERT 0 1`…
    var commandTag: String { PQcmdStatus(raw).map { String(cString: $0) } ?? "" }

    /// Rows inserted, updated, deleted, selected or copied.
    var affected: Int { PQcmdTuples(raw).flatMap { Int(String(cString: $0)) } ?? 0 }

    func rows<Row: Sendable>(of statement: Statement<Row>) throws(PostgresError) -> [Row] {
        let count = PQntuples(raw)
        var rows: [Row] = []
        rows.reserveCapacity(Int(count))
        for row in 0..<count { rows.append(try statement.decode(PGRow(reply: raw, row: row))) }
        return rows
    }

    /// What the server refused, when this is a refusal.
    var error: PostgresError? {
        let status = PQresultStatus(raw)
        switch status {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: return nil
        case PGRES_PIPELINE_ABORTED: return PostgresError(.transactionAborted, "a statement sent before it failed")
        case PGRES_FATAL_ERROR, PGRES_NONFATAL_ERROR, PGRES_BAD_RESPONSE:
            guard let state = sluice_sqlstate(raw).map({ String(cString: $0) }) else {
                // libpq's own words: the server did not say it.
                return PostgresError(.connectionLost, String(cString: PQresultErrorMessage(raw)))
            }
            let function = sluice_source_function(raw).map { String(cString: $0) }
            return PostgresError(
                PostgresError.code(forSQLState: state, reportedBy: function),
                sluice_primary_message(raw).map { String(cString: $0) },
                sqlState: state,
                constraint: sluice_constraint(raw).map { String(cString: $0) }
            )
        default: return PostgresError(.unexpectedReply, "status \(status.rawValue); COPY needs `copy`")
        }
    }
}
