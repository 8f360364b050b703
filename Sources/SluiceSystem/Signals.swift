internal import CLinux
internal import Glibc
internal import Synchronization

/// Signals as calls on a thread of their own.
///
/// A handler that writes a byte into a pipe, and a thread that reads it: unlike `sigwait` this does not depend on the
/// signal masks of threads that the runtime has made already.
package enum Signals {
    /// SIGTERM and SIGINT: end. SIGTSTP and SIGUSR1: be quiet. SIGUSR2: claim again. SIGTTIN: say what is in flight.
    package static let terminate = [SIGTERM, SIGINT]
    package static let quiet = [SIGTSTP, SIGUSR1]
    package static let resume = [SIGUSR2]
    package static let dump = [SIGTTIN]

    private static let actions = Mutex<[UInt8: @Sendable () -> Void]>([:])

    /// Calls `body` for each of these signals from now on, one after the other; instead of what was done for them before.
    package static func on(_ numbers: [Int32], _ body: @escaping @Sendable () -> Void) {
        actions.withLock { actions in for number in numbers { actions[UInt8(number)] = body } }
        _ = reading
        for number in numbers { signal(number) { number in SignalPipe.shared.ring(UInt8(number)) } }
    }

    /// Started once.
    private static let reading: Void = {
        let reader = SignalPipe.shared.reader
        PinnedThread.detach(name: "signals") {
            var number: UInt8 = 0
            while true {
                let count = read(reader, &number, 1)
                if count < 0 && errno == EINTR { continue }
                guard count == 1 else { return }
                let action = actions.withLock { $0[number] }
                action?()
            }
        }
    }()
}

/// The pipe between signal handlers and the thread that acts on them. Made before the first handler is installed, so that
/// a handler only ever reads two numbers.
private struct SignalPipe: Sendable {
    static let shared = SignalPipe()

    let reader: Int32
    private let writer: Int32

    private init() {
        var ends: [Int32] = [-1, -1]
        precondition(pipe(&ends) == 0, "the system refused a pipe; raise the limit on open files")
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (reader, writer) = (ends[0], ends[1])
    }

    /// Safe in a signal handler: `write` is all it calls.
    func ring(_ number: UInt8) {
        let saved = errno
        var byte = number
        _ = write(writer, &byte, 1)
        errno = saved
    }
}
