internal import Glibc
internal import SluiceCore
package import SluicePostgres
internal import SluiceSystem

/// The servers that all faults of a run share, and where the programs lie.
package struct LabServers: Sendable {
    package let superuser: PostgresPool
    let port: Int
    /// Where logs and the list of processes go.
    let folder: String
    let programs: String
    private let applicationURL: String
    private let superuserURL: String

    /// From the environment that `scripts/faults` makes.
    package init() throws {
        guard let application = Environment.value("SLUICE_DATABASE_URL"),
            let superuser = Environment.value("SLUICE_SUPERUSER_URL"),
            let folder = Environment.value("SLUICE_FAULTS_DIR"),
            let path = Environment.executablePath(), let slash = path.lastIndex(of: "/"),
            let port = application.split(separator: ":").last?.split(separator: "/").first.flatMap({ Int($0) })
        else { throw LabFailure("the environment of scripts/faults is not there; run that") }
        applicationURL = application
        superuserURL = superuser
        self.folder = folder
        self.port = port
        programs = String(path[..<slash])
        self.superuser = PostgresPool(
            PostgresConfiguration(url: superuser, applicationName: "faultlab-superuser", poolSize: 6)
        )
    }

    func url(_ database: String, port other: Int? = nil) -> String {
        Self.with(applicationURL, database, other.map { (port, $0) })
    }

    private static func with(_ url: String, _ database: String, _ ports: (Int, Int)? = nil) -> String {
        var head = url[..<(url.lastIndex(of: "/") ?? url.endIndex)]
        if let ports, head.hasSuffix(":\(ports.0)") { head = head.dropLast("\(ports.0)".count) + "\(ports.1)" }
        return "\(head)/\(database)"
    }

    func createDatabase(_ name: String) async throws {
        try await dropDatabase(name)
        try await script("CREATE DATABASE \(quotedIdentifier(name)) OWNER sluice")
        let inside = PostgresPool(
            PostgresConfiguration(
                url: Self.with(superuserURL, name),
                applicationName: "faultlab-superuser",
                poolSize: 2
            )
        )
        defer { inside.close() }
        try await inside.withConnection { try await $0.script("CREATE EXTENSION vector") }
    }

    func dropDatabase(_ name: String) async throws {
        try await script("DROP DATABASE IF EXISTS \(quotedIdentifier(name)) WITH (FORCE)")
    }

    func script(_ sql: String) async throws {
        try await superuser.withConnection { try await $0.script(sql) }
    }

    /// Notes a process for the script that cleans up after this one, however this one ends.
    func remember(_ pid: Int32) {
        guard let file = fopen(folder + "/pids", "ae") else { return }
        fputs("\(pid)\n", file)
        fclose(file)
    }

    /// Restarts PostgreSQL as a crash does: no checkpoint, all sessions end.
    func restart() async throws {
        guard let command = Environment.value("SLUICE_FAULTS_RESTART") else { throw LabFailure("no way to restart") }
        let child = try ChildProcess.spawn("/bin/bash", ["-c", command], environment: Environment.all())
        let thread = PinnedThread(name: "restart")
        let exit = await thread.run { child.waitForExit(until: .now + .seconds(60)) }
        thread.stop()
        guard exit == .exited(code: 0) else { throw LabFailure("PostgreSQL was not restarted") }
    }
}
