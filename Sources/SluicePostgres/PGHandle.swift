internal import CLibPQ
internal import Glibc
internal import SluiceCore

/// The one owner of a `PGconn`. Every call blocks its caller, at most until the call's deadline; one thread only.
final class PGHandle {
    let raw: OpaquePointer
    let prepares: Bool
    var prepared = PreparedStatements(
        limit: 256,
        prefix: "s" + String(UInt64.random(in: 0 ... .max), radix: 16)
    )

    /// Takes ownership of a connection that is open.
    init(adopting raw: OpaquePointer, prepares: Bool) {
        self.raw = raw
        self.prepares = prepares
        sluice_silence_notices(raw)
        PQsetnonblocking(raw, 1)
    }

    deinit { PQfinish(raw) }

    /// A handle with which any thread may cancel the running statement; owned by the caller.
    func makeCancel() -> OpaquePointer? { PQgetCancel(raw) }

    var socket: Int32 { PQsocket(raw) }
    /// The process that the server named when the connection began; a pooler names one of its own making.
    var announcedProcess: Int32 { PQbackendPID(raw) }

    enum Condition: UInt8 { case idle, inTransaction, broken }

    var condition: Condition {
        guard PQstatus(raw) == CONNECTION_OK else { return .broken }
        switch PQtransactionStatus(raw) {
        case PQTRANS_IDLE: return .idle
        case PQTRANS_INTRANS, PQTRANS_INERROR: return .inTransaction
        default: return .broken  // In the middle of a reply that nobody waits for any more.
        }
    }

    /// Sends all of `outgoing` data, reading meanwhile, so that neither side waits for the other with full buffers.
    func flush(_ call: PGCall) throws(PostgresError) {
        while true {
            let status = PQflush(raw)
            if status == 0 { return }
            if status < 0 { throw lost() }
            if try wait(POLLIN | POLLOUT, call) & POLLIN != 0, PQconsumeInput(raw) == 0 { throw lost() }
        }
    }

    /// The next result, or nil at the end of a statement's results.
    func nextResult(_ call: PGCall) throws(PostgresError) -> PGReply? {
        while PQisBusy(raw) == 1 {
            _ = try wait(POLLIN, call)
            if PQconsumeInput(raw) == 0 { throw lost() }
        }
        return PQgetResult(raw).map(PGReply.init(adopting:))
    }

    /// Waits until the socket is ready for one of `events`, and says for which.
    private func wait(_ events: Int32, _ call: PGCall) throws(PostgresError) -> Int32 {
        while true {
            guard let left = call.remaining(slice: .seconds(1)) else { throw PostgresError(.timeout) }
            var poller = pollfd(fd: PQsocket(raw), events: Int16(events), revents: 0)
            let ready = poll(&poller, 1, Int32(clamping: left.inMillisecondsRoundedUp))
            // Errors and hang-ups count as readable: reading tells which.
            if ready > 0 { return Int32(poller.revents) & POLLOUT != 0 ? Int32(poller.revents) : POLLIN }
            if ready < 0 && errno != EINTR { throw lost() }
        }
    }

    func lost() -> PostgresError { PostgresError(.connectionLost, String(cString: PQerrorMessage(raw))) }
}
