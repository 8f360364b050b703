internal import SluiceCore
internal import SluiceSystem
internal import Synchronization

/// One connection that heals itself: a call on a broken one connects anew; while the server is away calls fail at once
/// until the next attempt is due.
///
/// hiredis blocks a thread of this connection's own; calls of several tasks are served in order.
package final class RedisConnection: Sendable {
    private let configuration: RedisConfiguration
    private let thread: PinnedThread
    private let confined = Confined()

    // Only touched by closures that run on `thread`.
    private final class Confined: @unchecked Sendable {
        var handle: RedisHandle?
        var failures = 0
        var notBefore: Instant?
    }

    package init(_ configuration: RedisConfiguration, name: String = "redis") {
        self.configuration = configuration
        thread = PinnedThread(name: name)
    }

    deinit {
        let confined = confined
        thread.submit { confined.handle = nil }
        thread.stop()
    }

    /// Runs one command. An error answer is thrown.
    ///
    /// - Parameter blocking: how long the server itself may take, for commands that wait.
    @discardableResult
    package func run(_ command: RedisCommand, blocking: Duration = .zero) async throws(RedisError) -> RedisValue {
        let reply = try await pipeline([command], blocking: blocking)[0]
        if case .failure(let text) = reply { throw RedisError(reply: text) }
        return reply
    }

    /// Sends all commands at once and returns all answers in order; error answers are values here.
    package func pipeline(
        _ commands: [RedisCommand],
        blocking: Duration = .zero
    ) async throws(RedisError) -> [RedisValue] {
        if commands.isEmpty { return [] }
        let confined = confined
        let configuration = configuration
        return try await thread.run { () throws(RedisError) -> [RedisValue] in
            let handle = try Self.connected(confined, configuration)
            do throws(RedisError) {
                if blocking > .zero { try handle.setTimeout(configuration.commandTimeout + blocking) }
                let replies = try handle.run(commands)
                if blocking > .zero { try handle.setTimeout(configuration.commandTimeout) }
                return replies
            } catch {
                confined.handle = nil
                throw error
            }
        }
    }

    private static func connected(
        _ confined: Confined,
        _ configuration: RedisConfiguration
    ) throws(RedisError) -> RedisHandle {
        if let handle = confined.handle { return handle }
        if let notBefore = confined.notBefore, ContinuousClock.now < notBefore { throw RedisError(.cannotConnect) }
        do throws(RedisError) {
            let handle = try RedisHandle(configuration)
            confined.handle = handle
            confined.failures = 0
            confined.notBefore = nil
            return handle
        } catch {
            // 50 ms, doubled to at most 2 s, with jitter.
            let ceiling = min(2_000, 50 << min(confined.failures, 6))
            confined.failures += 1
            confined.notBefore = .now + .milliseconds(Int.random(in: ceiling / 2...ceiling))
            throw error
        }
    }
}
