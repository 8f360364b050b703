/// A statement with its parameters and how to read a row of its reply.
///
/// `sql` is a constant of the code with `$1`… in place of values, prepared once a connection.
package struct Statement<Row: Sendable>: Sendable {
    package let sql: String
    package let parameters: [PGValue]
    let decode: @Sendable (PGRow) throws(PostgresError) -> Row
    /// Where the code makes it, `Module/File.swift` and line: what `StatementLog` names it by.
    let file: StaticString
    let line: UInt

    package init(
        _ sql: String,
        _ parameters: [PGValue] = [],
        file: StaticString = #fileID,
        line: UInt = #line,
        decode: @escaping @Sendable (PGRow) throws(PostgresError) -> Row
    ) {
        self.sql = sql
        self.parameters = parameters
        self.file = file
        self.line = line
        self.decode = decode
    }
}

extension Statement where Row == Void {
    /// A statement whose rows, if any, are of no interest.
    package init(_ sql: String, _ parameters: [PGValue] = [], file: StaticString = #fileID, line: UInt = #line) {
        self.init(sql, parameters, file: file, line: line) { _ in }
    }
}

/// What a statement gave: rows, and how many rows it touched.
package struct Reply<Row: Sendable>: Sendable {
    package let rows: [Row]
    /// Rows inserted, updated, deleted or selected, as the server counts them.
    package let affected: Int
}

/// Quotes an identifier for the few statements that name a table made at run time.
///
/// The name must come from numbers and constants of ours, never from input.
package func quotedIdentifier(_ name: String) -> String {
    var result = "\""
    for character in name.unicodeScalars where character != "\0" {
        result.unicodeScalars.append(character)
        if character == "\"" { result += "\"" }
    }
    return result + "\""
}
