internal import Logging
internal import SluiceCore
internal import SluiceSystem

/// One background duty: a name, a pace, and one round of work.
///
/// A round that fails is logged and tried again with back-off and jitter; the loop never ends by an error.
struct Duty: Sendable {
    let name: String
    /// Between rounds that found nothing to do.
    let interval: Duration
    /// One round, given the term. True: there is more to do, come again at once.
    let round: @Sendable (_ term: Int64) async throws -> Bool

    func run(_ leadership: Leadership, _ shutdown: Shutdown, _ logger: Logger) async {
        var failures = 0
        while shutdown.isRunning {
            guard let term = leadership.term else {
                _ = await shutdown.sleep(for: .milliseconds(Int.random(in: 150...250)))
                continue
            }
            do {
                let hasMore = try await round(term)
                failures = 0
                if !hasMore { _ = await shutdown.sleep(for: interval * Double.random(in: 0.8...1)) }
            } catch {
                failures += 1
                logger.warning("a duty failed and is tried again", metadata: ["duty": "\(name)", "error": "\(error)"])
                _ = await shutdown.sleep(for: .milliseconds(Int.random(in: 50...min(10_000, 100 << min(failures, 6)))))
            }
        }
    }
}
