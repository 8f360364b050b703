internal import CLibPQ
internal import Glibc
internal import SluiceCore

/// The one owner of a `PGconn`. Every call blocks its caller, at most until a deadline; used from one thread only.
final class PGHandle {
    private let raw: OpaquePointer
    /// Names of prepared statements by SQL, oldest use first.
    private var prepared: [String: (name: String, usedAt: UInt64)] = [:]
    private var counter: UInt64 = 0
    private let prepares: Bool
    private static let preparedLimit = 500

    init(_ configuration: PostgresConfiguration) throws(PostgresError) {
        prepares = configuration.prepares
        let parameters = configuration.parameters
        var keys: [UnsafePointer<CChar>?] = parameters.map { UnsafePointer(strdup($0.0)) } + [nil]
        var values: [UnsafePointer<CChar>?] = parameters.map { UnsafePointer(strdup($0.1)) } + [nil]
        defer { (keys + values).forEach { free(UnsafeMutablePointer(mutating: $0)) } }
        guard let connection = PQconnectStartParams(&keys, &values, 1) else {
            throw PostgresError(.cannotConnect, "out of memory")
        }
        raw = connection
        do throws(PostgresError) {
            try finishConnecting(deadline: .now + configuration.connectTimeout)
        } catch {
            PQfinish(connection)
            throw error
        }
        sluice_silence_notices(connection)
        PQsetnonblocking(connection, 1)
    }

    deinit { PQfinish(raw) }

    /// A handle with which any thread may cancel the running statement; owned by the caller.
    func makeCancel() -> OpaquePointer? { PQgetCancel(raw) }

    var isInTransaction: Bool {
        let status = PQtransactionStatus(raw)
        return status == PQTRANS_INTRANS || status == PQTRANS_INERROR || status == PQTRANS_ACTIVE
    }

    var isUsable: Bool { PQstatus(raw) == CONNECTION_OK && PQtransactionStatus(raw) == PQTRANS_IDLE }

    /// True when the server has closed an idle connection: something to read, and it is the end.
    func noticesDeath() -> Bool {
        var poller = pollfd(fd: PQsocket(raw), events: Int16(POLLIN), revents: 0)
        guard poll(&poller, 1, 0) > 0 else { return false }
        return PQconsumeInput(raw) == 0 || PQstatus(raw) != CONNECTION_OK
    }

    func run<Row: Sendable>(_ statement: Statement<Row>, deadline: Instant) throws(PostgresError) -> Reply<Row> {
        guard let reply = try perform(statement.sql, statement.parameters, deadline: deadline) else { throw lost() }
        defer { PQclear(reply) }
        var rows: [Row] = []
        let count = PQntuples(reply)
        rows.reserveCapacity(Int(count))
        for row in 0..<count { rows.append(try statement.decode(PGRow(reply: reply, row: row))) }
        return Reply(rows: rows, affected: Self.affected(reply))
    }

    /// Several statements without parameters, as one simple query: migrations and transaction control.
    func script(_ sql: String, deadline: Instant) throws(PostgresError) {
        guard PQsendQuery(raw, sql) == 1 else { throw lost() }
        PQclear(try collect(deadline: deadline))
    }

    /// Sends a binary COPY made of `chunks`; `begin` is the COPY statement. Returns the rows taken.
    func copy(_ begin: String, _ chunks: [[UInt8]], deadline: Instant) throws(PostgresError) -> Int {
        guard PQsendQuery(raw, begin) == 1 else { throw lost() }
        try flush(deadline: deadline)
        try awaitResult(deadline: deadline)
        guard let started = PQgetResult(raw) else { throw lost() }
        let status = PQresultStatus(started)
        if status != PGRES_COPY_IN {
            let error = Self.error(started)
            PQclear(started)
            PQclear(try collect(deadline: deadline, orNone: true))
            throw error
        }
        PQclear(started)
        for chunk in chunks {
            while true {
                let sent = chunk.withUnsafeBytes {
                    PQputCopyData(raw, $0.baseAddress?.assumingMemoryBound(to: CChar.self), Int32($0.count))
                }
                if sent == 1 { break }
                if sent < 0 { throw lost() }
                try wait(POLLOUT, deadline: deadline)
            }
            try flush(deadline: deadline)
        }
        while true {
            let ended = PQputCopyEnd(raw, nil)
            if ended == 1 { break }
            if ended < 0 { throw lost() }
            try wait(POLLOUT, deadline: deadline)
        }
        let reply = try collect(deadline: deadline)
        defer { PQclear(reply) }
        return Self.affected(reply)
    }

    // MARK: - The protocol

    private func perform(
        _ sql: String,
        _ parameters: [PGValue],
        deadline: Instant
    ) throws(PostgresError) -> OpaquePointer? {
        var encoded: [[UInt8]?] = []
        encoded.reserveCapacity(parameters.count)
        for parameter in parameters { encoded.append(try parameter.encoded()) }
        let name = prepares ? try prepare(sql, parameters, deadline: deadline) : nil
        try send(name, sql, parameters, encoded)
        do throws(PostgresError) {
            return try collect(deadline: deadline)
        } catch {
            // The statement was parsed against tables that changed since, or a pooler gave us another backend.
            if error.code == .cachedPlanChanged || error.code == .unknownPreparedStatement { prepared[sql] = nil }
            guard !isInTransaction, name != nil,
                error.code == .cachedPlanChanged || error.code == .unknownPreparedStatement
            else { throw error }
            let again = try prepare(sql, parameters, deadline: deadline)
            try send(again, sql, parameters, encoded)
            return try collect(deadline: deadline)
        }
    }

    private func send(
        _ name: String?,
        _ sql: String,
        _ parameters: [PGValue],
        _ encoded: [[UInt8]?]
    ) throws(PostgresError) {
        // All values in one buffer, so that their addresses hold for the call without a closure a parameter.
        var buffer: [UInt8] = []
        buffer.reserveCapacity(encoded.reduce(1) { $0 + ($1?.count ?? 0) })
        var offsets: [Int?] = []
        for value in encoded {
            offsets.append(value == nil ? nil : buffer.count)
            if let value { buffer.append(contentsOf: value) }
        }
        if buffer.isEmpty { buffer.append(0) }
        let lengths = encoded.map { Int32($0?.count ?? 0) }
        let formats = [Int32](repeating: 1, count: encoded.count)
        let sent = buffer.withUnsafeBytes { bytes in
            let base = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
            let values: [UnsafePointer<CChar>?] = offsets.map { offset in offset.flatMap { base?.advanced(by: $0) } }
            if let name {
                return PQsendQueryPrepared(raw, name, Int32(values.count), values, lengths, formats, 1)
            }
            let types = parameters.map(\.type)
            return PQsendQueryParams(raw, sql, Int32(values.count), types, values, lengths, formats, 1)
        }
        guard sent == 1 else { throw lost() }
    }

    private func prepare(_ sql: String, _ parameters: [PGValue], deadline: Instant) throws(PostgresError) -> String {
        counter += 1
        if let known = prepared[sql] {
            prepared[sql]?.usedAt = counter
            return known.name
        }
        if prepared.count >= Self.preparedLimit, let oldest = prepared.min(by: { $0.value.usedAt < $1.value.usedAt }) {
            prepared[oldest.key] = nil
            try script("DEALLOCATE \(quotedIdentifier(oldest.value.name))", deadline: deadline)
        }
        let name = "s\(counter)"
        let types = parameters.map(\.type)
        guard PQsendPrepare(raw, name, sql, Int32(types.count), types) == 1 else { throw lost() }
        PQclear(try collect(deadline: deadline))
        prepared[sql] = (name, counter)
        return name
    }

    /// Reads to the end of the reply. The last result counts; the first error wins.
    private func collect(deadline: Instant, orNone: Bool = false) throws(PostgresError) -> OpaquePointer? {
        try flush(deadline: deadline)
        var last: OpaquePointer?
        var failure: PostgresError?
        while true {
            do throws(PostgresError) {
                try awaitResult(deadline: deadline)
            } catch {
                PQclear(last)
                throw error
            }
            guard let result = PQgetResult(raw) else { break }
            let status = PQresultStatus(result)
            if status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY {
                PQclear(last)
                last = result
            } else {
                if failure == nil { failure = Self.error(result) }
                PQclear(result)
                // A COPY that nobody feeds would wait for ever.
                if status == PGRES_COPY_IN { PQputCopyEnd(raw, "not expected here") }
            }
        }
        if let failure {
            PQclear(last)
            if PQstatus(raw) != CONNECTION_OK, !failure.endsConnection { throw lost() }
            throw failure
        }
        if last == nil && !orNone { throw lost() }
        return last
    }

    private func flush(deadline: Instant) throws(PostgresError) {
        while true {
            let status = PQflush(raw)
            if status == 0 { return }
            if status < 0 { throw lost() }
            try wait(POLLIN | POLLOUT, deadline: deadline)
            if PQconsumeInput(raw) == 0 { throw lost() }
        }
    }

    private func awaitResult(deadline: Instant) throws(PostgresError) {
        while PQisBusy(raw) == 1 {
            try wait(POLLIN, deadline: deadline)
            if PQconsumeInput(raw) == 0 { throw lost() }
        }
    }

    private func wait(_ events: Int32, deadline: Instant) throws(PostgresError) {
        while true {
            let left = deadline - .now
            if left <= .zero { throw PostgresError(.timeout) }
            var poller = pollfd(fd: PQsocket(raw), events: Int16(events), revents: 0)
            let ready = poll(&poller, 1, Int32(clamping: left.inMillisecondsRoundedUp))
            if ready > 0 { return }
            if ready < 0 && errno != EINTR { throw lost() }
        }
    }

    private func finishConnecting(deadline: Instant) throws(PostgresError) {
        var state = PGRES_POLLING_WRITING
        while true {
            if state == PGRES_POLLING_OK { return }
            if state == PGRES_POLLING_FAILED || PQstatus(raw) == CONNECTION_BAD {
                let text = String(cString: PQerrorMessage(raw))
                // Before the first reply there is no SQLSTATE to look at, only the server's words.
                let refused = text.contains("authentication failed") || text.contains("no password supplied")
                let full = text.contains("too many clients") || text.contains("remaining connection slots")
                let starting = text.contains("starting up") || text.contains("shutting down")
                throw PostgresError(
                    refused ? .authentication : full ? .tooManyConnections : starting ? .shuttingDown : .cannotConnect,
                    text
                )
            }
            do throws(PostgresError) {
                try wait(state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline: deadline)
            } catch {
                throw PostgresError(.cannotConnect, "no answer in time")
            }
            state = PQconnectPoll(raw)
        }
    }

    private func lost() -> PostgresError { PostgresError(.connectionLost, String(cString: PQerrorMessage(raw))) }

    private static func affected(_ reply: OpaquePointer?) -> Int {
        guard let reply, let text = PQcmdTuples(reply) else { return 0 }
        return Int(String(cString: text)) ?? 0
    }

    private static func error(_ result: OpaquePointer) -> PostgresError {
        guard let state = sluice_sqlstate(result).map({ String(cString: $0) }) else {
            return PostgresError(.connectionLost, String(cString: PQresultErrorMessage(result)))
        }
        var code = PostgresError.code(forSQLState: state)
        // 0A000 is any unsupported feature; only the plan cache's own refusal goes away by preparing again.
        if code == .cachedPlanChanged,
            sluice_source_function(result).map({ String(cString: $0) }) != "RevalidateCachedQuery"
        {
            code = .server
        }
        return PostgresError(
            code,
            sluice_primary_message(result).map { String(cString: $0) },
            sqlState: state,
            constraint: sluice_constraint(result).map { String(cString: $0) }
        )
    }
}
