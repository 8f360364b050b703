internal import CLibPQ
internal import SluiceCore

/// A statement ready to be sent: its text, and its parameters in one buffer.
struct PGCommand {
    let key: PreparedStatements.Key
    fileprivate let buffer: [UInt8]
    /// Where each parameter starts; nil for NULL.
    fileprivate let offsets: [Int?]
    fileprivate let lengths: [Int32]

    /// Throws `invalidValue` for a value that PostgreSQL cannot hold.
    init(_ sql: String, _ parameters: [PGValue] = []) throws(PostgresError) {
        var writer = WireWriter()
        var offsets: [Int?] = []
        var lengths: [Int32] = []
        offsets.reserveCapacity(parameters.count)
        lengths.reserveCapacity(parameters.count)
        for parameter in parameters {
            let start = writer.bytes.count
            let isNull = try !parameter.write(to: &writer)
            guard let length = Int32(exactly: writer.bytes.count - start) else {
                throw PostgresError(.invalidValue, "a bound value is larger than 2 GiB")
            }
            offsets.append(isNull ? nil : start)
            lengths.append(length)
        }
        // Without a byte there would be no address to give for empty values.
        if writer.bytes.isEmpty { writer.bytes.append(0) }
        key = PreparedStatements.Key(sql: sql, types: parameters.map(\.type))
        buffer = writer.bytes
        self.offsets = offsets
        self.lengths = lengths
    }
}

extension PGHandle {
    private enum Step { case prepare(Int), execute(Int) }

    /// Runs `commands` in one round trip and gives a reply for each. The first that fails ends the exchange.
    ///
    /// Outside a transaction they are one: all of them apply, or none. Statements the server has not seen are prepared on the
    /// way. Where the server dropped a prepared statement, or its result type changed, the exchange is done once more, unless
    /// it was in a transaction that had begun before.
    func exchange(_ commands: [PGCommand], _ call: PGCall) throws(PostgresError) -> [PGReply] {
        let startedIdle = condition == .idle
        if startedIdle { try deallocate(call) }
        do throws(PostgresError) {
            return try roundTrip(commands, call)
        } catch {
            guard error.code == .cachedPlanChanged || error.code == .unknownPreparedStatement, startedIdle else {
                throw error
            }
            if condition == .inTransaction { try script("ROLLBACK", call) }
            return try roundTrip(commands, call)
        }
    }

    private func roundTrip(_ commands: [PGCommand], _ call: PGCall) throws(PostgresError) -> [PGReply] {
        guard PQenterPipelineMode(raw) == 1 else { throw lost() }
        let steps = try send(commands)
        guard PQpipelineSync(raw) == 1 else { throw lost() }
        try flush(call)

        var replies: [PGReply] = []
        var failure: PostgresError?
        for step in steps {
            let reply = try result(of: call)
            guard let error = reply.error else {
                if case .execute = step { replies.append(reply) }
                continue
            }
            switch step {
            case .prepare(let index): prepared.forget(commands[index].key)
            case .execute(let index) where failure == nil: drop(commands[index].key, after: error)
            case .execute: break
            }
            if failure == nil { failure = error }
        }
        guard let sync = try nextResult(call), PQresultStatus(sync.raw) == PGRES_PIPELINE_SYNC else {
            throw failure.flatMap { $0.endsConnection ? $0 : nil }
                ?? PostgresError(.unexpectedReply, "no end of a pipeline")
        }
        guard PQexitPipelineMode(raw) == 1 else { throw PostgresError(.unexpectedReply, "a pipeline did not end") }
        if let failure { throw failure }
        return replies
    }

    private func send(_ commands: [PGCommand]) throws(PostgresError) -> [Step] {
        var steps: [Step] = []
        for (index, command) in commands.enumerated() {
            var name: String?
            if prepares {
                let use = prepared.use(command.key)
                name = use.name
                if use.isNew {
                    let types = command.key.types
                    guard PQsendPrepare(raw, use.name, command.key.sql, Int32(types.count), types) == 1 else {
                        throw lost()
                    }
                    steps.append(.prepare(index))
                }
            }
            try send(command, as: name)
            steps.append(.execute(index))
        }
        return steps
    }

    private func send(_ command: PGCommand, as name: String?) throws(PostgresError) {
        let formats = [Int32](repeating: 1, count: command.offsets.count)
        let sent = command.buffer.withUnsafeBytes { bytes in
            let base = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
            let values: [UnsafePointer<CChar>?] = command.offsets.map { offset in
                offset.flatMap { base?.advanced(by: $0) }
            }
            let count = Int32(values.count)
            if let name { return PQsendQueryPrepared(raw, name, count, values, command.lengths, formats, 1) }
            return PQsendQueryParams(
                raw,
                command.key.sql,
                count,
                command.key.types,
                values,
                command.lengths,
                formats,
                1
            )
        }
        guard sent == 1 else { throw lost() }
    }

    /// The one result of a step, and the nil that ends it.
    private func result(of call: PGCall) throws(PostgresError) -> PGReply {
        guard let reply = try nextResult(call) else { throw lost() }
        // A connection that broke has no further results to read.
        if PQstatus(raw) != CONNECTION_OK { throw reply.error.map(Self.fatal) ?? lost() }
        if let error = reply.error, error.code == .unexpectedReply { throw error }
        guard try nextResult(call) == nil else { throw PostgresError(.unexpectedReply, "several results") }
        return reply
    }

    /// Whatever the server's reason, the connection is gone.
    fileprivate static func fatal(_ error: PostgresError) -> PostgresError {
        error.endsConnection ? error : error.recoded(.connectionLost)
    }

    /// Frees statements that gave way to others: on their own, since one that is gone already, or that PgBouncer knows under
    /// another name, must fail nothing else.
    private func deallocate(_ call: PGCall) throws(PostgresError) {
        for name in prepared.takeAbandoned() {
            do throws(PostgresError) {
                try script("DEALLOCATE \(name)", call)
            } catch  where !error.endsConnection {}
        }
    }

    private func drop(_ key: PreparedStatements.Key, after error: PostgresError) {
        if error.code == .unknownPreparedStatement { prepared.forget(key) }
        if error.code == .cachedPlanChanged { prepared.abandon(key) }
    }
}

extension PGHandle {
    /// Several statements without parameters, as one simple query: migrations, DDL.
    func script(_ sql: String, _ call: PGCall) throws(PostgresError) {
        guard PQsendQuery(raw, sql) == 1 else { throw lost() }
        try flush(call)
        try drain(call)
    }

    /// Sends a binary COPY made of `pieces`; `begin` is the COPY statement. Returns how many rows the server took.
    func copy(_ begin: String, _ pieces: [[UInt8]], _ call: PGCall) throws(PostgresError) -> Int {
        guard PQsendQuery(raw, begin) == 1 else { throw lost() }
        try flush(call)
        guard let started = try nextResult(call) else { throw lost() }
        guard PQresultStatus(started.raw) == PGRES_COPY_IN else {
            let error = started.error
            try drain(call)
            throw error ?? PostgresError(.unexpectedReply, "COPY did not start")
        }
        for piece in pieces {
            try put(call) {
                piece.withUnsafeBytes {
                    PQputCopyData(raw, $0.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(clamping: $0.count))
                }
            }
            try flush(call)
        }
        try put(call) { PQputCopyEnd(raw, nil) }
        try flush(call)
        return try drain(call)?.affected ?? 0
    }

    private func put(_ call: PGCall, _ send: () -> Int32) throws(PostgresError) {
        while true {
            let status = send()
            if status == 1 { return }
            if status < 0 { throw lost() }
            try flush(call)
        }
    }

    /// Reads to the end. The last result counts, the first error wins.
    @discardableResult
    private func drain(_ call: PGCall) throws(PostgresError) -> PGReply? {
        var last: PGReply?
        var failure: PostgresError?
        while let reply = try nextResult(call) {
            if let error = reply.error {
                // A COPY that nobody feeds or reads would go on for ever.
                if error.code == .unexpectedReply { throw error }
                if failure == nil { failure = error }
            }
            last = reply
        }
        if let failure { throw PQstatus(raw) == CONNECTION_OK ? failure : Self.fatal(failure) }
        return last
    }
}
