internal import Glibc
internal import SluiceCore
internal import SluiceSystem
internal import Synchronization

/// One connection to the server, with a thread of its own that sends, receives and reconnects; callers only wait.
///
/// Calls of many tasks share it: what is asked while other replies are under way is sent at once and answered in order,
/// so concurrent callers pipeline by themselves. It connects with the first call, again after a loss, and fails fast
/// while the server is away.
package final class RedisConnection: Sendable {
    private let core: LinkCore

    /// Connects with the first call, not here.
    package init(_ configuration: RedisConfiguration) {
        let core = LinkCore(configuration)
        self.core = core
        PinnedThread.detach(name: "redis") { LinkLoop(core).run() }
    }

    deinit { core.close() }

    /// What is known without asking.
    package var availability: RedisAvailability { core.availability }

    /// Sends `commands` together and returns their replies in order; error replies are values among them.
    /// - Parameters:
    ///   - timeout: what this caller waits at most; nil takes the configuration's.
    ///   - silence: how long the server may be silent beyond the usual, for commands that block there.
    package func replies(
        to commands: [RedisCommand],
        timeout: Duration? = nil,
        silence: Duration = .zero
    ) async throws(RedisError) -> [RedisValue] {
        guard !commands.isEmpty else { return [] }
        let usual = core.configuration.commandTimeout
        let exchange = Exchange(
            bytes: commands.count == 1 ? commands[0].encoded : commands.flatMap(\.encoded),
            replyCount: commands.count,
            deadline: .now + (timeout ?? usual + silence),
            patience: usual + silence
        )
        let outcome = await withTaskCancellationHandler {
            core.submit(exchange)
            return await exchange.outcome()
        } onCancel: {
            exchange.finish(.failure(RedisError(.cancelled)))
        }
        return try outcome.get()
    }

    /// Drops the connection, so that the server forgets a command that blocks there; the next call makes a new one.
    package func reset() { core.reset() }

    /// Fails what is under way and ends the thread.
    package func close() { core.close() }
}

/// Whether a server answers, as far as the last calls tell.
package enum RedisAvailability: Sendable, Hashable {
    /// Nothing was asked yet, or the connection ended while idle.
    case unknown
    case up
    case down(RedisError)
}

/// What callers and the connection's thread share.
final class LinkCore: Sendable {
    let configuration: RedisConfiguration
    let bell = PollBell()
    private let shared = Mutex(Shared())

    private struct Shared {
        var state = LinkState()
        var inbox: [Exchange] = []
        var mustReset = false
        /// True from before the thread looks for work until someone rings: one ring is enough.
        var isAsleep = false
    }

    struct Intake {
        let exchanges: [Exchange]
        let mustReset: Bool
        let isClosed: Bool
    }

    init(_ configuration: RedisConfiguration) { self.configuration = configuration }

    var availability: RedisAvailability {
        shared.withLock { shared in
            switch shared.state.phase {
            case .connected: .up
            case .idle, .connecting(isProbe: false): .unknown
            case .connecting(isProbe: true), .down, .closed: .down(shared.state.lastError ?? RedisError(.closed))
            }
        }
    }

    func submit(_ exchange: Exchange) {
        let refusal = change {
            $0.state.refusal(at: .now)
        } then: { shared, refusal in
            if refusal == nil { shared.inbox.append(exchange) }
            return refusal == nil
        }
        if let refusal { exchange.finish(.failure(refusal)) }
    }

    func reset() {
        change {
            $0.mustReset = true
        } then: { _, _ in
            true
        }
    }

    func close() {
        change {
            $0.state.close()
        } then: { _, _ in
            true
        }
    }

    /// What came in since the last call. From here on a newcomer rings the bell.
    func takeIntake() -> Intake {
        shared.withLock { shared in
            let intake = Intake(
                exchanges: shared.inbox,
                mustReset: shared.mustReset,
                isClosed: shared.state.phase == .closed
            )
            shared.inbox = []
            shared.mustReset = false
            shared.isAsleep = true
            return intake
        }
    }

    func beginConnecting() { shared.withLock { $0.state.beginConnecting() } }
    func connected() { shared.withLock { $0.state.connected() } }
    func lost() { shared.withLock { $0.state.lost() } }

    /// Returns what came in while the attempt was made: it fails for the same reason.
    func failed(_ error: RedisError) -> [Exchange] {
        shared.withLock { shared in
            shared.state.failed(
                error,
                at: .now,
                base: configuration.backOffBase,
                cap: configuration.backOffCap,
                jitter: .random(in: 0...1)
            )
            let stranded = shared.inbox
            shared.inbox = []
            return stranded
        }
    }

    /// Changes the state under the lock and rings where `then` says that the thread has something to see.
    @discardableResult
    private func change<Value: Sendable>(
        _ body: (inout Shared) -> Value,
        then mustRing: (inout Shared, Value) -> Bool
    ) -> Value {
        let (value, rings) = shared.withLock { shared -> (Value, Bool) in
            let value = body(&shared)
            guard mustRing(&shared, value), shared.isAsleep else { return (value, false) }
            shared.isAsleep = false
            return (value, true)
        }
        if rings { bell.ring() }
        return value
    }
}
