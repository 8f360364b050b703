internal import Logging
internal import SluiceCore
internal import SluiceSystem
internal import Synchronization

/// One background duty: a name, a pace, and one round of work.
///
/// A round that fails is logged and tried again with back-off and jitter; the loop never ends by an error.
final class Duty: Sendable {
    /// What a round found to do.
    enum Yield: Sendable, Comparable {
        case nothing
        /// There will be something after this long: come then, or after `idle` if that is sooner.
        case later(Duration)
        /// There is work that may not be done yet: come again soon.
        case heldBack
        case some
        /// There is probably more: come again at once.
        case plenty
    }

    let name: String
    /// Rung when there is reason not to wait for the next round.
    let bell = Bell()
    /// The pause after a round that found something; it doubles up to `idle` while rounds find nothing.
    private let busy: Duration
    private let idle: Duration
    private let round: @Sendable (_ term: Int64) async throws -> Yield
    private let state: Mutex<DutyHealth>

    /// - Parameter round: given the term under which this coordinator leads.
    init(
        name: String,
        busy: Duration? = nil,
        idle: Duration,
        round: @escaping @Sendable (_ term: Int64) async throws -> Yield
    ) {
        self.name = name
        self.busy = busy ?? idle
        self.idle = idle
        self.round = round
        state = Mutex(DutyHealth(name: name))
    }

    var health: DutyHealth { state.withLock { $0 } }

    func run(_ leadership: Leadership, _ shutdown: Shutdown, on thread: LoopThread, _ logger: Logger) async {
        var failures = 0
        var pause = busy
        while shutdown.isRunning {
            guard let term = leadership.term else {
                pause = busy
                _ = await bell.wait(until: .now + .seconds(1), on: thread)
                continue
            }
            do {
                let yield = try await round(term)
                failures = 0
                state.withLock { $0.succeeded() }
                switch yield {
                case .plenty:
                    pause = busy
                    continue
                case .later(let length):
                    _ = await bell.wait(until: .now + min(length, idle), on: thread)
                    continue
                case .some: pause = busy
                case .heldBack: pause = min(pause * 2, max(busy, idle / 4))
                case .nothing: pause = min(pause * 2, idle)
                }
                let wasRung = await bell.wait(until: .now + pause * Double.random(in: 0.8...1), on: thread)
                if wasRung { pause = busy }
            } catch {
                failures += 1
                state.withLock { $0.failed(error) }
                logger.warning("a duty failed and is tried again", metadata: ["duty": "\(name)", "error": "\(error)"])
                let ceiling = min(10_000, 100 << min(failures, 7))
                _ = await bell.wait(until: .now + .milliseconds(Int.random(in: ceiling / 2...ceiling)), on: thread)
            }
        }
    }
}

extension DutyHealth {
    fileprivate mutating func succeeded() {
        lastSuccess = .now
        lastError = nil
        failures = 0
        rounds += 1
    }

    fileprivate mutating func failed(_ error: any Error) {
        // Only errors of ours are made to be shown.
        lastError = (error as? any TransientFailure).map { "\($0)" } ?? "\(type(of: error))"
        failures += 1
        rounds += 1
    }
}
