internal import SluiceCore

/// A failed call to PostgreSQL.
///
/// `description` is safe to log and to show: no SQL, no parameters, no text of the server, no address.
/// `String(reflecting:)` adds the server's own sentence, for debugging.
package struct PostgresError: Error, TransientFailure {
    /// What a caller can act on.
    package enum Code: String, Sendable {
        case connectionLost, cannotConnect, timeout, poolExhausted, poolClosed
        case serializationFailure, deadlock, lockNotAvailable, queryCanceled, tooManyConnections, shuttingDown
        case uniqueViolation, foreignKeyViolation, checkViolation, notNullViolation
        case undefinedTable, undefinedObject, insufficientPrivilege, authentication, readOnly
        case cachedPlanChanged, unknownPreparedStatement
        case undecodableColumn, invalidValue, server
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

    /// True when the same call may succeed later without anyone changing anything.
    package var isTransient: Bool {
        switch code {
        case .connectionLost, .cannotConnect, .timeout, .poolExhausted, .serializationFailure, .deadlock,
            .lockNotAvailable, .queryCanceled, .tooManyConnections, .shuttingDown, .readOnly, .cachedPlanChanged,
            .unknownPreparedStatement:
            true
        default: false
        }
    }

    /// True when the connection must not be used again.
    var endsConnection: Bool {
        switch code {
        case .connectionLost, .cannotConnect, .timeout, .shuttingDown, .authentication, .readOnly: true
        default: false
        }
    }

    static func code(forSQLState state: String) -> Code {
        switch state {
        case "40001": .serializationFailure
        case "40P01": .deadlock
        case "55P03": .lockNotAvailable
        case "57014": .queryCanceled
        case "53300", "53400": .tooManyConnections
        case "57P01", "57P02", "57P03", "57P05", "25P03": .shuttingDown
        case "25006": .readOnly
        case "23505": .uniqueViolation
        case "23503": .foreignKeyViolation
        case "23514": .checkViolation
        case "23502": .notNullViolation
        case "42P01": .undefinedTable
        case "42704", "42883", "42703", "3F000": .undefinedObject
        case "42501": .insufficientPrivilege
        case "0A000": .cachedPlanChanged
        case "26000": .unknownPreparedStatement
        case _ where state.hasPrefix("28"): .authentication
        case _ where state.hasPrefix("08"): .connectionLost
        case _ where state.hasPrefix("22"): .invalidValue
        default: .server
        }
    }
}

extension PostgresError: CustomStringConvertible, CustomDebugStringConvertible {
    package var description: String {
        var text = "PostgreSQL: " + advice
        if let sqlState { text += " (SQLSTATE \(sqlState)" + (constraint.map { ", constraint \($0)" } ?? "") + ")" }
        return text
    }

    package var debugDescription: String { description + (detail.map { ": \($0)" } ?? "") }

    private var advice: String {
        switch code {
        case .connectionLost: "the connection was lost; the call may be tried again"
        case .cannotConnect: "the server cannot be reached; check SLUICE_DATABASE_URL and that it runs"
        case .timeout: "no answer in time; the server is overloaded or the network is cut"
        case .poolExhausted: "no connection became free in time; raise SLUICE_DATABASE_POOL or lower the concurrency"
        case .poolClosed: "the pool was closed; the process is stopping"
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
        case .undefinedTable: "a table is missing; run workerctl migrate"
        case .undefinedObject: "a column, type, function or extension is missing; run workerctl migrate"
        case .insufficientPrivilege: "the role may not do this; see deploy/roles.sql"
        case .authentication: "the server refused the role or its password; check SLUICE_DATABASE_URL"
        case .readOnly: "the server is read-only, a standby perhaps; connect to the primary"
        case .cachedPlanChanged: "a table changed under a prepared statement; try again"
        case .unknownPreparedStatement: "a prepared statement is gone; with PgBouncer set SLUICE_DATABASE_PREPARE=0"
        case .undecodableColumn: "a column has a type or value that was not expected; do the versions of fleet and schema fit?"
        case .invalidValue: "a value was refused"
        case .server: "the statement failed"
        }
    }
}
