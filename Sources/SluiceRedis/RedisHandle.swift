internal import CHiredis
internal import Glibc
internal import SluiceCore

/// The one owner of a `redisContext`, used from one thread only.
///
/// hiredis resolves, connects and parses. Sending is done here, with `send(2)`: hiredis writes with `write(2)`, which
/// raises SIGPIPE when the server has gone, and moves the whole rest of its buffer after each partial write.
final class RedisHandle {
    private let context: UnsafeMutablePointer<redisContext>
    private let buffer: UnsafeMutableRawBufferPointer

    /// Connects, authenticates, selects the database and waits for the answer to a PING, all within `connectTimeout`
    /// (a name server that does not answer may take longer: the C library resolves without a limit of ours).
    static func open(_ configuration: RedisConfiguration) throws(RedisError) -> RedisHandle {
        let deadline = Instant.now + configuration.connectTimeout
        let made =
            switch configuration.endpoint {
            case .tcp(let host, let port): redisConnectNonBlock(host, Int32(port))
            case .unixSocket(let path): redisConnectUnixNonBlock(path)
            }
        guard let context = made else { throw RedisError(.cannotConnect, "out of memory") }
        let handle = RedisHandle(context)
        guard context.pointee.err == 0 else { throw RedisError(.cannotConnect, handle.problem) }
        // Children that a worker starts must not inherit the socket.
        _ = fcntl(handle.descriptor, F_SETFD, FD_CLOEXEC)
        do throws(RedisError) {
            try handle.wait(POLLOUT, deadline: deadline)
        } catch {
            throw RedisError(.cannotConnect, "no answer in time")
        }
        var status: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(handle.descriptor, SOL_SOCKET, SO_ERROR, &status, &size) == 0, status == 0 else {
            throw RedisError(.cannotConnect, String(cString: strerror(status)))
        }
        if case .tcp = configuration.endpoint { redisEnableKeepAlive(context) }
        try handle.greet(configuration, deadline: deadline)
        return handle
    }

    private init(_ context: UnsafeMutablePointer<redisContext>) {
        self.context = context
        buffer = .allocate(byteCount: 32 * 1_024, alignment: 16)
    }

    deinit {
        redisFree(context)
        buffer.deallocate()
    }

    var descriptor: Int32 { context.pointee.fd }

    /// Returns how many bytes the system took, 0 when its buffer is full.
    func send(_ bytes: ArraySlice<UInt8>) throws(RedisError) -> Int {
        let sent = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        if sent >= 0 { return sent }
        if errno == EAGAIN || errno == EINTR { return 0 }
        throw RedisError(.connectionLost, String(cString: strerror(errno)))
    }

    /// Reads what has arrived, at most one buffer full; returns the number of bytes, 0 when there is nothing yet.
    func receive() throws(RedisError) -> Int {
        let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
        if count > 0 {
            let bytes = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
            guard redisReaderFeed(context.pointee.reader, bytes, count) == REDIS_OK else {
                throw RedisError(.protocolViolation, "the reader refused its input")
            }
            return count
        }
        if count == 0 { throw RedisError(.connectionLost, "the server closed the connection") }
        if errno == EAGAIN || errno == EINTR { return 0 }
        throw RedisError(.connectionLost, String(cString: strerror(errno)))
    }

    /// The next complete reply among what was received; nil when more must come.
    func nextReply() throws(RedisError) -> RedisValue? {
        var raw: UnsafeMutableRawPointer?
        guard redisReaderGetReply(context.pointee.reader, &raw) == REDIS_OK else {
            throw RedisError(.protocolViolation)
        }
        guard let raw else { return nil }
        defer { freeReplyObject(raw) }
        return Self.value(raw.assumingMemoryBound(to: redisReply.self).pointee)
    }

    private static func value(_ reply: redisReply) -> RedisValue {
        switch reply.type {
        case REDIS_REPLY_STRING, REDIS_REPLY_STATUS: .string(bytes(reply))
        case REDIS_REPLY_INTEGER: .integer(Int(reply.integer))
        case REDIS_REPLY_ARRAY:
            .array(
                UnsafeBufferPointer(start: reply.element, count: reply.elements).map { element in
                    element.map { value($0.pointee) } ?? .null
                }
            )
        case REDIS_REPLY_ERROR: .error(RedisError(reply: String(decoding: bytes(reply), as: UTF8.self)))
        default: .null
        }
    }

    private static func bytes(_ reply: redisReply) -> [UInt8] {
        Array(UnsafeRawBufferPointer(start: reply.str, count: reply.str == nil ? 0 : reply.len))
    }

    /// What every connection begins with. Blocks until `deadline` at most.
    private func greet(_ configuration: RedisConfiguration, deadline: Instant) throws(RedisError) {
        var greeting: [(command: RedisCommand, isVital: Bool)] = []
        if let password = configuration.password {
            let user: [RedisArgument] = configuration.username.map { [.text($0)] } ?? []
            greeting.append((RedisCommand(["AUTH"] + user + [.text(password)]), true))
        }
        if configuration.database != 0 { greeting.append((["SELECT", .number(configuration.database)], true)) }
        // A user whose ACL has no CLIENT may still work.
        greeting.append((["CLIENT", "SETNAME", .text(configuration.clientName)], false))
        greeting.append((["PING"], true))
        var unsent = greeting.flatMap(\.command.encoded)[...]
        var refusal: RedisError?
        for step in greeting {
            let reply = try readReply(sending: &unsent, deadline: deadline)
            if step.isVital, refusal == nil, let error = reply.error {
                // `ERR DB index is out of range` and the like: nothing gets better by itself.
                refusal =
                    error.code == .server
                    ? RedisError(
                        .invalidConfiguration,
                        "the server refused what SLUICE_REDIS_URL asks for, its database perhaps"
                    )
                    : error
            }
        }
        if let refusal { throw refusal }
    }

    private func readReply(sending unsent: inout ArraySlice<UInt8>, deadline: Instant) throws(RedisError) -> RedisValue
    {
        while true {
            if let reply = try nextReply() { return reply }
            if !unsent.isEmpty { unsent = unsent.dropFirst(try send(unsent)) }
            do throws(RedisError) {
                try wait(unsent.isEmpty ? POLLIN : POLLIN | POLLOUT, deadline: deadline)
            } catch {
                throw RedisError(.cannotConnect, "no answer in time")
            }
            _ = try receive()
        }
    }

    private func wait(_ events: Int32, deadline: Instant) throws(RedisError) {
        while true {
            let left = deadline - .now
            if left <= .zero { throw RedisError(.timeout) }
            var poller = pollfd(fd: descriptor, events: Int16(events), revents: 0)
            let ready = poll(&poller, 1, Int32(clamping: left.inMillisecondsRoundedUp))
            if ready > 0 { return }
            if ready < 0 && errno != EINTR { throw RedisError(.connectionLost, String(cString: strerror(errno))) }
        }
    }

    private var problem: String {
        withUnsafeBytes(of: context.pointee.errstr) { text in
            String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}
