internal import SluiceCore

/// A failed call to PostgreSQL.
///
/// `description` is safe to log and to show: no SQL, no parameters, no text of the server, no address.
/// `String(reflecting:)` adds the server's own sentence, for debugging.
package struct PostgresError: Error, TransientFailure {
    /// What a caller can act on.
    package enum Code: String, Sendable, CaseIterable {
        case connectionLost, cannotConnect, timeout, poolExhausted, poolClosed, invalidAddress
        case serializationFailure, deadlock, lockNotAvailable, queryCanceled, tooManyConnections, shuttingDown
        case uniqueViolation, foreignKeyViolation, checkViolation, notNullViolation, exclusionViolation
        case undefinedTable, undefinedObject, insufficientPrivilege, authentication, readOnly
        case cachedPlanChanged, unknownPreparedStatement
        /// The connection was lost while COMMIT was under way: the transaction may or may not have been applied.
        case commitUnknown
        /// The transaction had failed before its end, and so nothing of it was applied.
        case transactionAborted
        /// A transaction was used after the closure it was given to had returned.
        case transactionEnded
        case undecodableColumn, invalidValue, unexpectedReply, outOfResources, server
    }

    package let code: Code
    /// Five characters; nil when the server did not answer.
    package let sqlState: String?
    /// The violated constraint's name, where the server names one.
    package let constraint: String?
    private let detail: String?

    package init(_ code: Code, _ detail: String? = nil, sqlState: String? = nil, constraint: String? = nil) {
        self.code = code
        self.detail = detail
        self.sqlState = sqlState
        self.constraint = constraint
    }

    /// The same failure under another code.
    func recoded(_ code: Code) -> PostgresError {
        PostgresError(code, detail, sqlState: sqlState, constraint: constraint)
    }

    /// True when the same call may succeed later without anyone changing anything.
    package var isTransient: Bool {
        switch code {
        case .connectionLost, .cannotConnect, .timeout, .poolExhausted, .serializationFailure, .deadlock,
            .lockNotAvailable, .queryCanceled, .tooManyConnections, .shuttingDown, .readOnly, .cachedPlanChanged,
            .unknownPreparedStatement, .commitUnknown, .outOfResources:
            true
        default: false
        }
    }

    /// True when the connection must not be used again.
    var endsConnection: Bool {
        switch code {
        case .connectionLost, .cannotConnect, .timeout, .shuttingDown, .authentication, .readOnly, .commitUnknown,
            .unexpectedReply:
            true
        default: false
        }
    }

    /// - Parameter function: the function of the server that reported it.
    static func code(forSQLState state: String, reportedBy function: String? = nil) -> Code {
        switch state {
        case "40001": .serializationFailure
        case "40P01": .deadlock
        case "55P03": .lockNotAvailable
        case "57014": .queryCanceled
        case "53300": .tooManyConnections
        case "57P01", "57P02", "57P03", "57P05", "25P03", "25P04": .shuttingDown
        case "25006": .readOnly
        case "25P02": .transactionAborted
        case "23505": .uniqueViolation
        case "23503": .foreignKeyViolation
        case "23514": .checkViolation
        case "23502": .notNullViolation
        case "23P01": .exclusionViolation
        case "42P01": .undefinedTable
        case "42704", "42883", "42703", "3F000": .undefinedObject
        case "42501": .insufficientPrivilege
        // 0A000 also stands for every feature that the server does not have, which no second try brings about.
        case "0A000" where function == "RevalidateCachedQuery": .cachedPlanChanged
        case "26000": .unknownPreparedStatement
        case _ where state.hasPrefix("28"): .authentication
        // What a binary value of a wrong size is called; where it ends the connection, that is seen by the connection.
        case "08P01": .invalidValue
        case _ where state.hasPrefix("08"): .connectionLost
        case _ where state.hasPrefix("22"): .invalidValue
        case _ where state.hasPrefix("53"): .outOfResources
        default: .server
        }
    }
}

extension PostgresError: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String {
        var text = "PostgreSQL: " + code.advice
        if let sqlState { text += " (SQLSTATE \(sqlState)" + (constraint.map { ", constraint \($0)" } ?? "") + ")" }
        return text
    }

    package var debugDescription: String { description + (detail.map { ": \($0)" } ?? "") }

    /// Test frameworks and `dump` look into values; they get what is safe.
    package var customMirror: Mirror {
        Mirror(self, children: ["code": code.rawValue, "sqlState": sqlState ?? "-", "constraint": constraint ?? "-"])
    }
}

extension PostgresError.Code {
    fileprivate var advice: String {
        switch self {
        case .connectionLost: "the connection was lost; the call may be tried again"
        case .cannotConnect: "the server cannot be reached; check SLUICE_DATABASE_URL and that it runs"
        case .timeout: "no answer in time; the server is overloaded or the network is cut"
        case .poolExhausted: "no connection became free in time; raise SLUICE_DATABASE_POOL or lower the concurrency"
        case .poolClosed: "the pool was closed; the process is stopping"
        case .invalidAddress:
            "SLUICE_DATABASE_URL cannot be read; it must be postgresql://user:password@host:port/database"
        case .serializationFailure: "a concurrent change got in the way; try the transaction again"
        case .deadlock: "a deadlock was resolved against this transaction; try it again"
        case .lockNotAvailable: "a lock was not free in time; try again"
        case .queryCanceled: "the statement was cancelled or took too long"
        case .tooManyConnections: "the server has no connection left; raise max_connections or use a pooler"
        case .shuttingDown: "the server ended the connection; it stops, restarts or was told to"
        case .uniqueViolation: "a row with this key exists"
        case .foreignKeyViolation: "a row that this one refers to is missing, or is still referred to"
        case .checkViolation: "a value is outside its allowed range"
        case .notNullViolation: "a value is missing"
        case .exclusionViolation: "a row that excludes this one exists"
        case .undefinedTable: "a table is missing; run workerctl migrate"
        case .undefinedObject: "a column, type, function or extension is missing; run workerctl migrate"
        case .insufficientPrivilege: "the role may not do this; see deploy/roles.sql"
        case .authentication: "the server refused the role or its password; check SLUICE_DATABASE_URL"
        case .readOnly: "the server is read-only, a standby perhaps; connect to the primary"
        case .cachedPlanChanged: "a table changed under a prepared statement; try again"
        case .unknownPreparedStatement: "a prepared statement is gone; with PgBouncer set SLUICE_DATABASE_PREPARE=0"
        case .commitUnknown:
            "the connection was lost during COMMIT; look whether the change was applied before trying again"
        case .transactionAborted: "the transaction had failed before its end; nothing of it was applied"
        case .transactionEnded: "a transaction was used after its end; this is a defect of the caller"
        case .undecodableColumn: "a column has a type or value that was not expected; do fleet and schema fit?"
        case .invalidValue: "a value was refused"
        case .unexpectedReply: "the server answered something else than asked; the connection was given up"
        case .outOfResources: "the server ran out of memory, disk or another resource; see its log"
        case .server: "the statement failed"
        }
    }
}
