internal import CHiredis
internal import Glibc
internal import SluiceCore

/// The one owner of a `redisContext`. Every call blocks its caller; used from one thread only. After any error of the
/// connection the context is dead.
final class RedisHandle {
    private let context: UnsafeMutablePointer<redisContext>

    init(_ configuration: RedisConfiguration) throws(RedisError) {
        let timeout = Self.timeval(configuration.connectTimeout)
        let made: UnsafeMutablePointer<redisContext>? =
            switch configuration.endpoint {
            case .tcp(let host, let port): redisConnectWithTimeout(host, Int32(port), timeout)
            case .unix(let path): redisConnectUnixWithTimeout(path, timeout)
            }
        guard let made else { throw RedisError(.cannotConnect) }
        context = made
        guard made.pointee.err == 0 else {
            redisFree(made)
            throw RedisError(.cannotConnect)
        }
        redisEnableKeepAlive(made)
        do throws(RedisError) {
            try setTimeout(configuration.commandTimeout)
            if let password = configuration.password {
                let credentials = configuration.user.map { [$0, password] } ?? [password]
                try demand(RedisCommand(["AUTH"] + credentials))
            }
            if configuration.database != 0 { try demand(RedisCommand("SELECT", "\(configuration.database)")) }
        } catch {
            redisFree(made)
            throw error
        }
    }

    deinit { redisFree(context) }

    func setTimeout(_ timeout: Duration) throws(RedisError) {
        guard redisSetTimeout(context, Self.timeval(timeout)) == REDIS_OK else { throw RedisError(.connectionLost) }
    }

    /// Sends all commands, then reads all answers, in order.
    func run(_ commands: [RedisCommand]) throws(RedisError) -> [RedisValue] {
        for command in commands { try append(command) }
        var replies: [RedisValue] = []
        replies.reserveCapacity(commands.count)
        for _ in commands {
            var raw: UnsafeMutableRawPointer?
            guard redisGetReply(context, &raw) == REDIS_OK, let raw else { throw failure() }
            defer { freeReplyObject(raw) }
            replies.append(Self.value(raw.assumingMemoryBound(to: redisReply.self)))
        }
        return replies
    }

    private func demand(_ command: RedisCommand) throws(RedisError) {
        if case .failure(let text) = try run([command])[0] {
            // Redis answers AUTH with a plain ERR where no password is set, or where it is wrong, by version.
            let error = RedisError(reply: text)
            throw error.code == .server ? RedisError(.authentication, serverCode: error.serverCode) : error
        }
    }

    private func append(_ command: RedisCommand) throws(RedisError) {
        // One buffer holds all arguments, so that their addresses hold for the call.
        var buffer: [UInt8] = []
        var offsets: [Int] = []
        for argument in command.arguments {
            offsets.append(buffer.count)
            buffer.append(contentsOf: argument)
        }
        buffer.append(0)
        let lengths = command.arguments.map(\.count)
        let status = buffer.withUnsafeBytes { bytes in
            let base = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
            var pointers = offsets.map { base?.advanced(by: $0) }
            return redisAppendCommandArgv(context, Int32(pointers.count), &pointers, lengths)
        }
        guard status == REDIS_OK else { throw failure() }
    }

    private func failure() -> RedisError {
        // hiredis reports a receive time-out as an I/O error with EAGAIN.
        if context.pointee.err == REDIS_ERR_IO, errno == EAGAIN || errno == EWOULDBLOCK || errno == ETIMEDOUT {
            return RedisError(.timeout)
        }
        return RedisError(.connectionLost)
    }

    private static func value(_ reply: UnsafeMutablePointer<redisReply>) -> RedisValue {
        let content = reply.pointee
        switch content.type {
        case REDIS_REPLY_INTEGER: return .integer(content.integer)
        case REDIS_REPLY_STRING, REDIS_REPLY_STATUS:
            guard let text = content.str else { return .null }
            return .bytes(Array(UnsafeRawBufferPointer(start: text, count: Int(content.len))))
        case REDIS_REPLY_ERROR:
            guard let text = content.str else { return .failure("ERR") }
            return .failure(
                String(decoding: UnsafeRawBufferPointer(start: text, count: Int(content.len)), as: UTF8.self)
            )
        case REDIS_REPLY_ARRAY:
            return .array((0..<Int(content.elements)).map { content.element[$0].map(value) ?? .null })
        default: return .null
        }
    }

    private static func timeval(_ duration: Duration) -> timeval {
        let microseconds = max(1_000, Int(duration.inSeconds * 1_000_000))
        return Glibc.timeval(tv_sec: microseconds / 1_000_000, tv_usec: microseconds % 1_000_000)
    }
}
