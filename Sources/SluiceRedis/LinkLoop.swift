internal import Glibc
internal import SluiceCore

/// What a connection's thread does for all its life: send what callers bring, hand them their replies, mind the time.
///
/// Confined to that thread; the only one that touches the handle.
final class LinkLoop {
    private let core: LinkCore
    private var handle: RedisHandle?
    private var flight = Flight<Exchange>()
    /// Set by a READONLY reply: after a failover the name leads to another server, so connect anew when nothing is owed.
    private var mustRenew = false

    init(_ core: LinkCore) { self.core = core }

    func run() {
        while true {
            let intake = core.takeIntake()
            if intake.isClosed {
                abandon(RedisError(.closed), also: intake.exchanges)
                return
            }
            if intake.mustReset || mustRenew && flight.isEmpty { drop(RedisError(.cancelled)) }
            accept(intake.exchanges.filter { !$0.isFinished })
            step()
        }
    }

    private func accept(_ exchanges: [Exchange]) {
        guard !exchanges.isEmpty, handle != nil || connect(for: exchanges) else { return }
        let now = Instant.now
        for exchange in exchanges {
            flight.add(
                exchange.bytes,
                replyCount: exchange.replyCount,
                deadline: exchange.deadline,
                patience: exchange.patience,
                ticket: exchange,
                now: now
            )
        }
    }

    /// False when the server cannot be had; then `exchanges` and what came meanwhile have failed.
    private func connect(for exchanges: [Exchange]) -> Bool {
        core.beginConnecting()
        do throws(RedisError) {
            handle = try RedisHandle.open(core.configuration)
            core.connected()
            return true
        } catch {
            for exchange in exchanges + core.failed(error) { exchange.finish(.failure(error)) }
            return false
        }
    }

    /// Sends, waits for something to happen, receives.
    private func step() {
        do throws(RedisError) {
            try sendAll()
            let event = wait()
            if event.isRung { core.bell.silence() }
            if event.isReadable { try receive() }
            let now = Instant.now
            for exchange in flight.takeOverdue(at: now) { exchange.finish(.failure(RedisError(.timeout))) }
            if flight.isServerGone(at: now) { throw RedisError(.timeout, "the server fell silent") }
        } catch {
            drop(error)
        }
    }

    private func sendAll() throws(RedisError) {
        guard let handle else { return }
        while let bytes = flight.nextBytes {
            let count = try handle.send(bytes)
            if count == 0 { return }
            flight.didSend(count, now: .now)
        }
    }

    private func receive() throws(RedisError) {
        guard let handle, try handle.receive() > 0 else { return }
        flight.didReceive(now: .now)
        while let reply = try handle.nextReply() {
            if reply.error?.code == .readOnly { mustRenew = true }
            switch flight.take(reply) {
            case .complete(let exchange, let replies): exchange.finish(.success(replies))
            case .incomplete: continue
            // What a server says before it shuts an idle connection, or not Redis at all.
            case .unsolicited: throw reply.error ?? RedisError(.protocolViolation, "a reply that nobody asked for")
            }
        }
    }

    private func wait() -> (isRung: Bool, isReadable: Bool) {
        var pollers = [pollfd(fd: core.bell.readEnd, events: Int16(POLLIN), revents: 0)]
        if let handle {
            let events = flight.hasUnsent ? POLLIN | POLLOUT : POLLIN
            pollers.append(pollfd(fd: handle.descriptor, events: Int16(events), revents: 0))
        }
        let limit = flight.nextAlarm.map { Int32(clamping: ($0 - .now).inMillisecondsRoundedUp) } ?? -1
        guard poll(&pollers, nfds_t(pollers.count), limit) > 0 else { return (false, false) }
        // Errors and hang-ups count as readable: reading tells what happened.
        let isReadable = pollers.count > 1 && pollers[1].revents & ~Int16(POLLOUT) != 0
        return (pollers[0].revents != 0, isReadable)
    }

    /// The connection is of no more use: whoever waits is told, and the next call makes a new one.
    private func drop(_ error: RedisError) {
        mustRenew = false
        guard handle != nil else { return }
        handle = nil
        core.lost()
        for exchange in flight.takeAll() { exchange.finish(.failure(error)) }
    }

    private func abandon(_ error: RedisError, also exchanges: [Exchange]) {
        handle = nil
        for exchange in flight.takeAll() + exchanges { exchange.finish(.failure(error)) }
    }
}
