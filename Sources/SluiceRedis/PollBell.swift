internal import Glibc

/// Wakes a thread that sleeps in `poll`.
// The descriptors are constant, and read(2) and write(2) on a socket may be called from any thread.
final class PollBell: @unchecked Sendable {
    let readEnd: Int32
    private let writeEnd: Int32

    init() {
        var ends: [Int32] = [-1, -1]
        // A socket pair is made close-on-exec in one step; `pipe2` and `eventfd` are not in Swift's Glibc.
        let kind = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        let status = socketpair(AF_UNIX, Int32(kind), 0, &ends)
        precondition(status == 0, "the system refused a socket pair (error \(errno)); raise the limit on open files")
        readEnd = ends[0]
        writeEnd = ends[1]
    }

    deinit {
        close(readEnd)
        close(writeEnd)
    }

    func ring() {
        var byte: UInt8 = 1
        // A full buffer is as good as a ring: the sleeper has not drained it yet.
        _ = write(writeEnd, &byte, 1)
    }

    func silence() {
        var bytes = (UInt64(0), UInt64(0))
        while read(readEnd, &bytes, 16) > 0 {}
    }
}
