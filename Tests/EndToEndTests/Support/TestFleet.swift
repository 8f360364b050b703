import Glibc
import SluiceCore
import SluiceServerKit
import SluiceSystem
import SluiceTestKit
import Testing

/// A fleet of real executables in a schema and under a key prefix of its own, with a scratch folder; all of it is taken
/// down at the end.
final class TestFleet: Sendable {
    let scratch: String
    let schema: String
    let prefix: String
    let environment: [String: String]

    private init(scratch: String, schema: String, prefix: String, environment: [String: String]) {
        self.scratch = scratch
        self.schema = schema
        self.prefix = prefix
        self.environment = environment
    }

    /// Runs `body` with a migrated, empty fleet: no process runs yet.
    static func run(
        redisURL: String? = nil,
        model: String = "deterministic:64",
        extra: [String: String] = [:],
        _ body: (TestFleet) async throws -> Void
    ) async throws {
        let id = WorkerID.random().description.prefix(8)
        var template = Array("/tmp/sluice-e2e-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw NeverHappened(what: "a scratch folder", waited: .zero) }
        let scratch = String(decoding: template.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        var environment = [
            "PATH": Environment.value("PATH") ?? "/usr/bin:/bin",
            "SLUICE_DATABASE_URL": try #require(TestServers.databaseURL),
            "SLUICE_REDIS_URL": redisURL ?? TestServers.redisURL ?? "none",
            "SLUICE_SCHEMA": "e2e_\(id)",
            "SLUICE_REDIS_PREFIX": "e2e-\(id)",
            "SLUICE_MODEL": model,
            "SLUICE_LEASE_SECONDS": "6",
            "SLUICE_LOG_LEVEL": "debug",
        ]
        for name in ["SLUICE_HOME", "SLUICE_TEST_STATEMENT_LOG"] { environment[name] = Environment.value(name) }
        for (name, value) in extra { environment[name] = value }
        let fleet = TestFleet(
            scratch: scratch,
            schema: "e2e_\(id)",
            prefix: "e2e-\(id)",
            environment: environment
        )
        let result: Result<Void, any Error>
        do {
            let migrated = try await fleet.ctl(["migrate"])
            try #require(migrated.status == 0, "migrate: \(migrated.errors)")
            try await body(fleet)
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await fleet.tearDown()
        try result.get()
    }

    func start(_ name: String, _ arguments: [String] = [], extra: [String: String] = [:]) throws -> Executable {
        let process = try Executable(
            name,
            arguments,
            environment: environment.merging(extra) { $1 },
            scratch: scratch
        )
        running.withLock { $0.append(process) }
        return process
    }

    /// Runs `workerctl` to its end.
    func ctl(_ arguments: [String], within limit: Duration = .seconds(120)) async throws -> Finished {
        let process = try Executable("workerctl", arguments, environment: environment, scratch: scratch)
        let status = try await process.exit(within: limit)
        return Finished(status: status, output: process.output, errors: process.errors)
    }

    private let running = Locked<[Executable]>([])

    private func tearDown() async {
        for process in running.withLock({ $0 }) {
            process.send(SIGKILL)
            _ = try? await eventually("\(process.name) is reaped", within: .seconds(10)) {
                process.poll() ?? (kill(process.pid, 0) != 0 ? 0 : nil)
            }
        }
        try? await TestServers.dropSchema(schema)
        _ = try? await removeTree(scratch)
    }
}

/// Removes a folder of the test's own.
private func removeTree(_ path: String) async throws -> Int32 {
    let process = try Executable("/bin/rm", ["-rf", path], environment: [:], scratch: "/tmp")
    defer {
        unlink(process.outputPath)
        unlink(process.errorPath)
    }
    return try await process.exit(within: .seconds(30))
}
