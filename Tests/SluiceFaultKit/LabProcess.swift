internal import Glibc
internal import SluiceCore
package import SluiceSystem

/// One process of the fleet under test; killed at the latest when this goes.
package final class LabProcess: Sendable {
    package let name: String
    package let pid: Int32
    private let child: ChildProcess

    /// - Parameter log: a file that gets what the process writes to standard error.
    init(_ executable: String, _ arguments: [String], environment: [String: String], log: String) throws {
        let descriptor = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        let errors = descriptor >= 0 ? OwnedDescriptor(adopting: descriptor) : nil
        child = try ChildProcess.spawn(executable, arguments, environment: environment, errors: errors)
        pid = child.processID
        name = executable.split(separator: "/").last.map(String.init) ?? executable
    }

    package func send(_ signal: Int32) { kill(pid, signal) }

    /// Ends it as a crash does, and waits until it is gone.
    package func killNow() {
        child.killGroup()
        _ = child.waitForExit(until: nil)
    }

    /// How it ended; nil while it runs.
    package var ending: ChildExit? { child.waitForExit(until: .now) }
}
