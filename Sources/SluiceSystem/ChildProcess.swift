internal import CLinux
package import SluiceCore
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#endif

/// How a process ended.
package enum ChildExit: Hashable, Sendable {
    case exited(code: Int32)
    case signalled(Int32)
}

/// A process of our own in a process group of its own, which is killed and reaped at the latest when this goes.
package final class ChildProcess: Sendable {
    /// The id of the process and of its group.
    package let processID: Int32
    private let ending: OwnedDescriptor
    /// Nil until reaped. Holding the lock while the value is nil keeps the process id from being given to another
    /// process.
    private let exit = Mutex<ChildExit?>(nil)

    /// Starts `executable` with default signal handling and no descriptors but 0, 1 and 2.
    ///
    /// The child's parent-death signal, if it asks for one, follows the *thread* that calls this.
    ///
    /// - Parameter environment: all of the child's variables.
    /// - Parameter input: becomes descriptor 0; the null device without.
    /// - Parameter errors: becomes descriptor 2; the null device without. Descriptor 1 is the null device.
    package static func spawn(
        _ executable: String,
        _ arguments: [String],
        environment: [String: String],
        input: OwnedDescriptor? = nil,
        errors: OwnedDescriptor? = nil
    ) throws(SystemCallError) -> ChildProcess {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input.raw, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        if let errors {
            posix_spawn_file_actions_adddup2(&actions, errors.raw, 2)
        } else {
            posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        }
        _ = sluice_close_from(&actions, 3)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var argumentPointers = ([executable] + arguments).map { strdup($0) } + [nil]
        var environmentPointers = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in argumentPointers + environmentPointers { free(pointer) } }
        var processID = pid_t()
        let status = posix_spawn(
            &processID,
            executable,
            &actions,
            &attributes,
            &argumentPointers,
            &environmentPointers
        )
        guard status == 0 else { throw SystemCallError("posix_spawn", code: status) }
        let ending = sluice_open_process(processID)
        guard ending >= 0 else {
            let code = errno
            kill(processID, SIGKILL)
            waitpid(processID, nil, 0)
            throw SystemCallError("pidfd_open", code: code)
        }
        return ChildProcess(processID: processID, ending: OwnedDescriptor(adopting: ending))
    }

    private init(processID: Int32, ending: OwnedDescriptor) {
        self.processID = processID
        self.ending = ending
    }

    deinit {
        killGroup()
        _ = waitForExit(until: nil)
    }

    /// Sends SIGKILL to the process and all of its group. Safe from any thread at any time; nothing happens after the
    /// end.
    package func killGroup() {
        exit.withLock { exit in
            guard exit == nil else { return }
            // The group exists from before the first instruction of the child; the second call covers one that left it.
            kill(-processID, SIGKILL)
            kill(processID, SIGKILL)
        }
    }

    /// Waits for the end and reaps the process. Blocks its thread.
    ///
    /// - Parameter deadline: nil waits for as long as it takes.
    /// - Returns: how it ended, also when asked again; nil when it still runs.
    package func waitForExit(until deadline: Instant?) -> ChildExit? {
        while true {
            if let exit = reap() { return exit }
            let left = deadline.map { $0 - ContinuousClock.now }
            if let left, left <= .zero { return nil }
            var poller = pollfd(fd: ending.raw, events: Int16(POLLIN), revents: 0)
            poll(&poller, 1, left.map { Int32(clamping: $0.inMillisecondsRoundedUp) } ?? -1)
        }
    }

    /// Resident memory in bytes; nil once it has ended.
    package func residentBytes() -> Int? {
        guard let statm = try? OwnedDescriptor.open(reading: "/proc/\(processID)/statm").beginning(limit: 128) else {
            return nil
        }
        let pages = statm.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        return pages.map { $0 * Int(sysconf(Int32(_SC_PAGESIZE))) }
    }

    private func reap() -> ChildExit? {
        exit.withLock { exit in
            if exit != nil { return exit }
            var status: Int32 = 0
            guard waitpid(processID, &status, WNOHANG) == processID else { return nil }
            let signal = status & 0x7f
            exit = signal == 0 ? .exited(code: (status >> 8) & 0xff) : .signalled(signal)
            return exit
        }
    }
}
