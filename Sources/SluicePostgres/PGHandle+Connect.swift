internal import CLibPQ
internal import Glibc
internal import SluiceCore

extension PGHandle {
    /// Connects. Blocks at most the connection timeout for one host, that times the number of hosts for several, plus what
    /// the resolver takes.
    convenience init(_ configuration: PostgresConfiguration) throws(PostgresError) {
        guard let address = ServerAddress(configuration.url) else { throw PostgresError(.invalidAddress) }
        let parameters = configuration.parameters(addressOptions: address.options)
        var keys: [UnsafePointer<CChar>?] = parameters.map { UnsafePointer(strdup($0.0)) } + [nil]
        var values: [UnsafePointer<CChar>?] = parameters.map { UnsafePointer(strdup($0.1)) } + [nil]
        defer { (keys + values).forEach { free(UnsafeMutablePointer(mutating: $0)) } }
        // libpq leaves a host that does not answer for the next one only in its blocking form. The other form keeps a
        // deadline exactly and shows the SQLSTATE of a refusal, so that the server's language does not matter.
        let blocking = address.hasSeveralHosts
        let started = blocking ? PQconnectdbParams(&keys, &values, 1) : PQconnectStartParams(&keys, &values, 1)
        guard let connection = started else { throw PostgresError(.cannotConnect, "out of memory") }
        do throws(PostgresError) {
            if !blocking { try Self.finish(connection, by: .now + configuration.connectTimeout) }
            guard PQstatus(connection) == CONNECTION_OK else { throw Self.refusal(connection) }
        } catch {
            PQfinish(connection)
            throw error
        }
        PQsetErrorVerbosity(connection, PQERRORS_DEFAULT)
        self.init(adopting: connection, prepares: configuration.prepares)
    }

    private static func finish(_ connection: OpaquePointer, by deadline: Instant) throws(PostgresError) {
        PQsetErrorVerbosity(connection, PQERRORS_VERBOSE)
        sluice_silence_notices(connection)
        // Source: "Database Connection Control Functions", PQconnectPoll: behave as if it had said WRITING at first.
        var state = PGRES_POLLING_WRITING
        while state != PGRES_POLLING_OK {
            if state == PGRES_POLLING_FAILED || PQstatus(connection) == CONNECTION_BAD { throw refusal(connection) }
            let left = deadline - .now
            if left <= .zero { throw PostgresError(.cannotConnect, "no answer in time") }
            let events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT
            var poller = pollfd(fd: PQsocket(connection), events: Int16(events), revents: 0)
            let ready = poll(&poller, 1, Int32(clamping: left.inMillisecondsRoundedUp))
            if ready > 0 { state = PQconnectPoll(connection) }
            if ready < 0 && errno != EINTR { throw PostgresError(.cannotConnect, "poll failed with error \(errno)") }
        }
    }

    private static func refusal(_ connection: OpaquePointer) -> PostgresError {
        let message = String(cString: PQerrorMessage(connection))
        if PQconnectionNeedsPassword(connection) == 1 { return PostgresError(.authentication, message) }
        return PostgresError(refusalOfConnection: message)
    }
}
