import Glibc
import SluiceCore
import SluiceSystem
import SluiceTestKit

/// One of our executables, running as a child process with output in files.
final class Executable: Sendable {
    let name: String
    let pid: pid_t
    let outputPath: String
    let errorPath: String

    /// Where the executables under test lie: `SLUICE_TEST_BIN_DIR`, else beside the test bundle.
    static var folder: String {
        Environment.value("SLUICE_TEST_BIN_DIR")
            ?? Environment.executablePath().map { String($0[..<($0.lastIndex(of: "/") ?? $0.startIndex)]) } ?? "."
    }

    static var arePresent: Bool { access(folder + "/workerctl", X_OK) == 0 && access(folder + "/worker", X_OK) == 0 }

    init(_ name: String, _ arguments: [String], environment: [String: String], scratch: String) throws {
        let id = WorkerID.random().description.prefix(8)
        let base = name.split(separator: "/").last.map(String.init) ?? name
        self.name = base
        outputPath = "\(scratch)/\(base)-\(id).out"
        errorPath = "\(scratch)/\(base)-\(id).err"
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, outputPath, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, errorPath, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        let path = name.contains("/") ? name : Self.folder + "/" + name
        var argumentPointers: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
        var environmentPointers: [UnsafeMutablePointer<CChar>?] =
            environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (argumentPointers + environmentPointers).forEach { free($0) } }
        var child = pid_t()
        let status = withSpawnAttributes {
            posix_spawn(&child, path, &actions, $0, &argumentPointers, &environmentPointers)
        }
        guard status == 0 else { throw NeverHappened(what: "starting \(path): error \(status)", waited: .zero) }
        pid = child
    }

    func send(_ signal: Int32) { kill(pid, signal) }

    /// The exit code, or minus the signal that ended it; nil while it runs. Reaps the child: ask until not nil, once.
    func poll() -> Int32? {
        var status: Int32 = 0
        guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
        return status & 0x7f == 0 ? (status >> 8) & 0xff : -(status & 0x7f)
    }

    /// Waits for the end; kills and throws when it takes longer.
    func exit(within limit: Duration = .seconds(60)) async throws -> Int32 {
        do {
            return try await eventually("\(name) ends", within: limit) { self.poll() }
        } catch {
            send(SIGKILL)
            _ = try? await eventually("\(name) dies", within: .seconds(10)) { self.poll() }
            throw error
        }
    }

    var output: String { Environment.textFile(outputPath) ?? "" }
    var errors: String { Environment.textFile(errorPath) ?? "" }
}

/// The result of a command that ran to its end.
struct Finished {
    let status: Int32
    let output: String
    let errors: String
}
