internal import SluiceCore
internal import Synchronization

/// A client of one Redis server: one connection that all commands share, and one for each call that blocks there.
///
/// Every call ends in bounded time: with its reply, or with a `RedisError` that says why not. While the server is away
/// calls fail at once, except one now and then that tries to reach it.
package final class RedisClient: Sendable {
    package let configuration: RedisConfiguration
    private let commands: RedisConnection
    private let blocking = Mutex(Blocking())

    private struct Blocking {
        var idle: [RedisConnection] = []
        var busy: [ObjectIdentifier: RedisConnection] = [:]
        var isClosed = false
    }

    /// Makes no connection yet; the first call does.
    package init(_ configuration: RedisConfiguration) {
        self.configuration = configuration
        commands = RedisConnection(configuration)
    }

    /// What the shared connection's last calls tell, without asking the server.
    package var availability: RedisAvailability { commands.availability }

    /// Runs one command; throws its error reply.
    package func command(_ command: RedisCommand, timeout: Duration? = nil) async throws(RedisError) -> RedisValue {
        let replies = try await commands.replies(to: [command], timeout: timeout)
        guard let reply = replies.first else { throw RedisError(.unexpectedReply) }
        return try reply.orThrow()
    }

    /// Runs commands in one round trip. Error replies are values among the others: the other commands did run.
    package func pipeline(
        _ commands: [RedisCommand],
        timeout: Duration? = nil
    ) async throws(RedisError) -> [RedisValue] {
        try await self.commands.replies(to: commands, timeout: timeout)
    }

    /// Runs a command that blocks on the server (`BLPOP`, `BLMOVE` …) on a connection of its own.
    ///
    /// Cancelling drops that connection; what the server popped for it in the same moment is lost.
    /// - Parameter serverTimeout: the same time that the command asks the server to wait at most.
    package func blocking(
        _ command: RedisCommand,
        serverTimeout: Duration
    ) async throws(RedisError) -> RedisValue {
        let connection = try borrow()
        do throws(RedisError) {
            let replies = try await connection.replies(to: [command], silence: serverTimeout)
            giveBack(connection)
            guard let reply = replies.first else { throw RedisError(.unexpectedReply) }
            return try reply.orThrow()
        } catch {
            // Without this the server would hold the command, and give it an element that nobody reads.
            if error.code == .cancelled || error.code == .timeout { connection.reset() }
            giveBack(connection)
            throw error
        }
    }

    /// Fails what is under way and what comes later, and ends the threads.
    package func close() {
        commands.close()
        let all = blocking.withLock { blocking in
            defer { blocking = Blocking(isClosed: true) }
            return blocking.idle + blocking.busy.values
        }
        for connection in all { connection.close() }
    }

    private func borrow() throws(RedisError) -> RedisConnection {
        let known = blocking.withLock { blocking -> RedisConnection? in
            guard !blocking.isClosed else { return nil }
            let connection = blocking.idle.popLast() ?? RedisConnection(configuration)
            blocking.busy[ObjectIdentifier(connection)] = connection
            return connection
        }
        guard let known else { throw RedisError(.closed) }
        return known
    }

    private func giveBack(_ connection: RedisConnection) {
        blocking.withLock { blocking in
            // Closed meanwhile: then it is no longer ours.
            guard blocking.busy.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
            blocking.idle.append(connection)
        }
    }
}
