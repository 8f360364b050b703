internal import Glibc
internal import SluiceCore
internal import SluiceSystem

/// Runs programs that come with PostgreSQL, as children that end with the task that wants them.
struct PostgresProgram: Sendable {
    /// Nil: looked for in PATH.
    let folder: String?
    /// All that the child sees of the environment besides PATH.
    let environment: [String: String]

    /// - Throws: `TaskFailure` `program.missing` or `program.failed`, the latter with what the program said first.
    func run(_ name: String, _ arguments: [String], within limit: Duration) async throws {
        guard let executable = find(name) else {
            throw TaskFailure(
                errorClass: "program.missing",
                message:
                    "\(name) is not there; install PostgreSQL's client programs, or name their folder in SLUICE_PG_BIN"
            )
        }
        let errors = try OwnedDescriptor.inMemory(name: name)
        let thread = PinnedThread(name: name)
        defer { thread.stop() }
        var variables = environment
        variables["PATH"] = Environment.value("PATH") ?? "/usr/bin:/bin"
        variables["LC_ALL"] = "C"
        for name in ["HOME", "PGPASSFILE", "PGSSLROOTCERT", "TMPDIR"] where variables[name] == nil {
            variables[name] = Environment.value(name)
        }
        let child = try ChildProcess.spawn(
            executable,
            arguments,
            environment: variables,
            errors: errors
        )
        let end = await withTaskCancellationHandler {
            await thread.run { child.waitForExit(until: .now + limit) }
        } onCancel: {
            child.killGroup()
        }
        if Task.isCancelled { throw CancellationError() }
        guard end != .exited(code: 0) else { return }
        child.killGroup()
        let said = errors.beginning(limit: 1_000).split(whereSeparator: \.isNewline).first ?? "it said nothing"
        let how =
            switch end {
            case .exited(let code): "ended with \(code)"
            case .signalled(let signal): "was ended by signal \(signal)"
            case nil: "took longer than \(limit.inSeconds) s"
            }
        throw TaskFailure(errorClass: "program.failed", message: "\(name) \(how): \(said.prefix(300))")
    }

    private func find(_ name: String) -> String? {
        if let folder, access(folder + "/" + name, X_OK) == 0 { return folder + "/" + name }
        let path = Environment.value("PATH") ?? "/usr/bin:/bin"
        return path.split(separator: ":").map { $0 + "/" + name }.first { access($0, X_OK) == 0 }
    }
}
