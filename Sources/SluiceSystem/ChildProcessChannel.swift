internal import CLinux
package import SluiceCore

#if canImport(Glibc)
    internal import Glibc
#endif

/// Why a channel's call did not do all that was asked.
package enum ChannelError: Error, Hashable, Sendable {
    case timedOut
    /// The other end is closed.
    case closed
    case failed(SystemCallError)
}

/// One end of a stream between two processes of this machine that can also carry open descriptors.
///
/// Every call blocks its thread; one thread at a time in each direction.
package final class DescriptorChannel: Sendable {
    package let descriptor: OwnedDescriptor

    /// Bytes received at a time: as much as fits into malloc's heap without a mapping of its own.
    private static let portion = 64 << 10

    package init(adopting descriptor: OwnedDescriptor) { self.descriptor = descriptor }

    /// Two connected ends, both close-on-exec.
    package static func pair() throws(SystemCallError) -> (DescriptorChannel, DescriptorChannel) {
        var ends: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { throw SystemCallError("socketpair", code: errno) }
        return (
            DescriptorChannel(adopting: OwnedDescriptor(adopting: ends[0])),
            DescriptorChannel(adopting: OwnedDescriptor(adopting: ends[1]))
        )
    }

    /// Sends all of `bytes`.
    ///
    /// - Parameter passed: a descriptor that the other end gets a copy of, together with the first byte.
    /// - Parameter deadline: nil waits for as long as it takes.
    package func send(
        _ bytes: UnsafeRawBufferPointer,
        passing passed: Int32? = nil,
        until deadline: Instant? = nil
    ) throws(ChannelError) {
        var sent = 0
        let flags = deadline == nil ? 0 : Int32(MSG_DONTWAIT)
        while sent < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[sent...])
            let count =
                if let passed, sent == 0 {
                    sluice_send_descriptor(descriptor.raw, rest.baseAddress, rest.count, passed, flags)
                } else {
                    Glibc.send(descriptor.raw, rest.baseAddress, rest.count, flags | Int32(MSG_NOSIGNAL))
                }
            if count >= 0 {
                sent += count
            } else {
                try recover("send", from: errno, waitingFor: Int16(POLLOUT), until: deadline)
            }
        }
    }

    package func send(
        _ bytes: [UInt8],
        passing passed: Int32? = nil,
        until deadline: Instant? = nil
    ) throws(ChannelError) {
        // A typed throw does not pass through withUnsafeBytes of arrays, hence the result.
        let result: Result<Void, ChannelError> = bytes.withUnsafeBytes { buffer in
            do throws(ChannelError) {
                return .success(try send(buffer, passing: passed, until: deadline))
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    /// Receives what is there, at least one byte, and hands it to `take`; drops any descriptor that comes with it.
    ///
    /// - Returns: false when the other end is closed.
    package func receive(
        until deadline: Instant? = nil,
        _ take: (UnsafeRawBufferPointer) -> Void
    ) throws(ChannelError) -> Bool {
        let flags = deadline == nil ? 0 : Int32(MSG_DONTWAIT)
        while true {
            var code: Int32 = 0
            let count = withUnsafeTemporaryAllocation(byteCount: Self.portion, alignment: 16) { buffer in
                let count = recv(descriptor.raw, buffer.baseAddress, buffer.count, flags)
                code = errno
                if count > 0 { take(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
                return count
            }
            if count >= 0 { return count > 0 }
            if code == ECONNRESET { return false }
            try recover("recv", from: code, waitingFor: Int16(POLLIN), until: deadline)
        }
    }

    /// Receives like ``receive(until:_:)`` without a deadline, and the descriptor that came along, if any.
    package func receiveWithDescriptor(
        _ take: (UnsafeRawBufferPointer) -> Void
    ) throws(ChannelError) -> (isOpen: Bool, descriptor: OwnedDescriptor?) {
        while true {
            var code: Int32 = 0
            var received: Int32 = -1
            let count = withUnsafeTemporaryAllocation(byteCount: Self.portion, alignment: 16) { buffer in
                let count = sluice_receive_descriptor(descriptor.raw, buffer.baseAddress, buffer.count, &received)
                code = errno
                if count > 0 { take(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
                return count
            }
            if count >= 0 { return (count > 0, received >= 0 ? OwnedDescriptor(adopting: received) : nil) }
            if code == ECONNRESET { return (false, nil) }
            try recover("recvmsg", from: code, waitingFor: Int16(POLLIN), until: nil)
        }
    }

    /// True when the other end neither closed nor said anything: what an idle partner looks like.
    package var isQuiet: Bool {
        var poller = pollfd(fd: descriptor.raw, events: Int16(POLLIN), revents: 0)
        return poll(&poller, 1, 0) == 0
    }

    private func recover(
        _ call: String,
        from code: Int32,
        waitingFor events: Int16,
        until deadline: Instant?
    ) throws(ChannelError) {
        switch code {
        case EINTR: return
        case EPIPE, ECONNRESET: throw .closed
        case EAGAIN:
            guard let deadline else { throw .failed(SystemCallError(call, code: code)) }
            let left = deadline - ContinuousClock.now
            guard left > .zero else { throw .timedOut }
            var poller = pollfd(fd: descriptor.raw, events: events, revents: 0)
            poll(&poller, 1, Int32(clamping: left.inMillisecondsRoundedUp))
        default: throw .failed(SystemCallError(call, code: code))
        }
    }
}
