import Glibc
import SluiceCore
import SluiceDocuments
import SluicePipeline
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceSystem
import SluiceTestKit
import Testing

/// One after the other: they share the database for drills.
@Suite("Backups", .enabled(if: TestServers.arePresent), .serialized, .timeLimit(.minutes(5)))
struct BackupTests {
    static let drill = "sluice_drill"

    func configuration() throws -> PostgresConfiguration {
        PostgresConfiguration(url: try TestServers.requireDatabaseURL(), applicationName: "sluice-test", poolSize: 2)
    }

    private var programs: String? { Environment.home().map { $0 + "/postgres/bin" } }

    func backups(
        _ fixture: PipelineFixture,
        _ directory: String,
        kept: Int = 3,
        programs: String? = nil
    ) throws -> PostgresBackups {
        PostgresBackups(
            fixture.store,
            configuration: try configuration(),
            directory: directory,
            kept: kept,
            programs: programs ?? self.programs
        )
    }

    func restore(_ fixture: PipelineFixture) throws -> BackupRestore {
        BackupRestore(fixture.store, configuration: try configuration(), programs: programs)
    }

    /// Runs `body` with a folder for backups and, afterwards, neither the folder nor the restored schema.
    func run(_ body: (PipelineFixture, String) async throws -> Void) async throws {
        try await PipelineFixture.run { fixture in
            var template = Array("/tmp/sluice-backup-XXXXXX".utf8CString)
            try #require(mkdtemp(&template) != nil)
            let directory = String(decoding: template.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            let result: Result<Void, any Error>
            do { result = .success(try await body(fixture, directory)) } catch { result = .failure(error) }
            _ = try? await inDrill(fixture) {
                try await $0.script("DROP SCHEMA IF EXISTS \(fixture.store.schema) CASCADE")
            }
            _ = try? await removeTree(directory)
            try result.get()
        }
    }

    private func removeTree(_ path: String) async throws {
        let child = try ChildProcess.spawn("/bin/rm", ["-rf", path], environment: [:])
        _ = child.waitForExit(until: .now + .seconds(20))
    }

    private func inDrill<Value: Sendable>(
        _ fixture: PipelineFixture,
        _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        let configuration = try #require(try configuration().inDatabase(Self.drill))
        let store = Store(configuration: configuration, schema: fixture.store.schema, logger: TestServers.quiet)
        defer { store.close() }
        return try await store.pool.withConnection(body)
    }

    private func failure(_ body: () async throws -> Void) async -> String? {
        do { try await body() } catch let failure as TaskFailure { return failure.errorClass } catch {
            return "\(error)"
        }
        return nil
    }

    /// A pg_dump that does something else before, or instead.
    private func program(_ script: String, in directory: String) throws -> String {
        let folder = directory + "/programs"
        try #require(mkdir(folder, 0o700) == 0)
        let path = folder + "/pg_dump"
        let file = try #require(fopen(path, "w"))
        fputs("#!/bin/bash\n" + script + "\n", file)
        fclose(file)
        try #require(chmod(path, 0o700) == 0)
        return folder
    }

    @Test("a table that somebody drops meanwhile stays until the backup is whole, and is in it")
    func dropped() async throws {
        try await run { fixture, directory in
            try await fixture.store.pool.withConnection { try await $0.script("CREATE TABLE extra (n integer)") }
            let real = try #require(programs)
            let schema = fixture.store.schema
            let fake = try program(
                """
                "\(real)/pg_dump" "$@" || exit 1
                "\(real)/psql" -qc "SET lock_timeout = '300ms'" -c 'DROP TABLE \(schema).extra' 2> "\(directory)/said"
                exit 0
                """,
                in: directory
            )
            let report = try await backups(fixture, directory, programs: fake).create()
            let manifest = try #require(Environment.textFile(report.path + "/manifest.json"))
            #expect(manifest.contains("\"extra\": 0"))
            #expect(Environment.textFile(directory + "/said")?.contains("lock timeout") == true)
            try await fixture.store.pool.withConnection { try await $0.script("DROP TABLE extra") }
        }
    }

    @Test("of a backup that fails nothing is left behind")
    func failed() async throws {
        try await run { fixture, directory in
            let fake = try program(
                """
                for word in "$@"; do case $word in --file=*) echo part > "${word#--file=}"; esac; done
                test -s "\(directory)"/.partial-*/sluice.dump && echo begun > "\(directory)/seen"
                exit 3
                """,
                in: directory
            )
            #expect(
                await failure { _ = try await backups(fixture, directory, programs: fake).create() } == "program.failed"
            )
            #expect(Environment.textFile(directory + "/seen") == "begun\n")
            let left = try #require(opendir(directory))
            defer { closedir(left) }
            var names: Set<String> = []
            while let entry = readdir(left) {
                withUnsafePointer(to: &entry.pointee.d_name) {
                    _ = $0.withMemoryRebound(to: CChar.self, capacity: 256) { names.insert(String(cString: $0)) }
                }
            }
            #expect(names == [".", "..", "programs", "seen"])
        }
    }

    @Test("what was backed up while ingests went on is restored, and the drill says so; a second time it is refused")
    func drill() async throws {
        try await run { fixture, directory in
            let other = TenantID(trusted: "other")
            let files = try (0..<6).map {
                try fixture.write(
                    "\($0).txt",
                    (0..<9).map { "Sentence \($0) of a document of some length.\n\n" }.joined()
                )
            }
            _ = try await fixture.request(Array(files.prefix(4)), tenant: other)
            try await fixture.drain()
            let report = try await backups(fixture, directory).create()
            #expect(report.bytes > 10_000 && report.rows > 30 && report.path.hasPrefix(directory + "/sluice-"))
            // Later changes are in neither the dump nor the manifest.
            _ = try await fixture.request(Array(files.suffix(2)), tenant: other)
            try await fixture.drain()

            let checks = try await restore(fixture).restore(report.path, into: Self.drill, verifies: true)
            #expect(checks.map(\.name) == ["checksum", "rows", "index default"])
            #expect(checks.filter { !$0.isPassed } == [], "\(checks)")
            let isolated = try await inDrill(fixture) { connection in
                try await connection.script("SELECT set_config('sluice.tenant', 'nobody', false)")
                return try await connection.query(
                    Statement("SELECT count(*) FROM documents") { row throws(PostgresError) in try row.int64(0) }
                ).first
            }
            #expect(isolated == 0, "row-level security is restored too")
            let again = await failure {
                _ = try await restore(fixture).restore(report.path, into: Self.drill, verifies: true)
            }
            #expect(again == "backup.occupied")
        }
    }

    @Test("a version with partitions comes back with them, and with the HNSW index of each")
    func partitions() async throws {
        try await run { base, directory in
            let fixture = RebuildFixture(base: base)
            for (tenant, lines) in [(TenantID.big, 0..<40), (.mid, 0..<20), (.small, 0..<5)] {
                try await fixture.ingest("\(tenant).txt", lines, of: tenant)
            }
            let policy = PartitionPolicy(above: 1, atMost: 2)
            let version = try await fixture.rebuild(IndexVersionChange(partitions: .by(policy)))
            _ = try await fixture.versions.swap(to: version.id, fence: nil)
            let report = try await backups(base, directory).create()
            let checks = try await restore(base).restore(report.path, into: Self.drill, verifies: true)
            #expect(checks.map(\.name) == ["checksum", "rows", "index default"])
            #expect(checks.filter { !$0.isPassed } == [], "\(checks)")
            let isolated = try await inDrill(base) { connection in
                try await connection.script("SELECT set_config('sluice.tenant', 'small', false)")
                return try await connection.query(
                    Statement("SELECT count(*) FROM embeddings_g\(version.id)_p1") { row throws(PostgresError) in
                        try row.int64(0)
                    }
                ).first
            }
            #expect(isolated == 0, "row-level security of a partition is restored too")
        }
    }

    @Test("a drill finds what is wrong: lost rows, a lost vector, a damaged dump, no backup at all")
    func wrong() async throws {
        try await run { fixture, directory in
            _ = try await fixture.ingest(try fixture.write("a.txt", String(repeating: "One sentence.\n\n", count: 20)))
            let report = try await backups(fixture, directory).create()
            // The manifest tells of one more row, and of another neighbour, than the dump has.
            let manifest = try #require(Environment.textFile("\(report.path)/manifest.json"))
            let (rows, near) = try await tampered(manifest, fixture)
            for (text, expected) in [(rows, "rows"), (near, "index default")] {
                try replace("\(report.path)/manifest.json", text)
                let checks = try await restore(fixture).restore(report.path, into: Self.drill, verifies: true)
                #expect(checks.filter { !$0.isPassed }.map(\.name) == [expected], "\(checks)")
                try await inDrill(fixture) { try await $0.script("DROP SCHEMA \(fixture.store.schema) CASCADE") }
            }
            try replace("\(report.path)/manifest.json", "{}")
            #expect(
                await failure { _ = try await restore(fixture).restore(report.path, into: Self.drill, verifies: true) }
                    == "backup.invalid"
            )
            try replace("\(report.path)/manifest.json", manifest)
            try replace("\(report.path)/sluice.dump", "nothing")
            #expect(
                await failure { _ = try await restore(fixture).restore(report.path, into: Self.drill, verifies: true) }
                    == "backup.damaged"
            )
            #expect(
                await failure { _ = try await restore(fixture).restore(directory, into: Self.drill, verifies: true) }
                    == "backup.invalid"
            )
        }
    }

    private func tampered(_ manifest: String, _ fixture: PipelineFixture) async throws -> (rows: String, near: String) {
        let texts = try await fixture.store.pool.query(
            Statement(
                """
                SELECT jsonb_set(given, '{tables,chunks}', to_jsonb((given -> 'tables' ->> 'chunks')::bigint + 1))::text,
                    jsonb_set(given, '{indexes,0,nearest}', '{}')::text
                FROM (SELECT $1::text::jsonb AS given) AS manifest
                """,
                [.text(manifest)]
            ) { row throws(PostgresError) in (try row.text(0), try row.text(1)) }
        )
        return try #require(texts.first)
    }

    private func replace(_ path: String, _ text: String) throws {
        let file = try #require(fopen(path, "w"))
        defer { fclose(file) }
        #expect(fputs(text, file) >= 0)
    }

    @Test("the newest backups stay; a task writes one; without the program or the folder the error says what to do")
    func kept() async throws {
        try await run { fixture, directory in
            let backups = try backups(fixture, directory, kept: 1)
            let first = try await backups.create()
            try await eventually("a second has passed") { time(nil) > 0 && !first.path.hasSuffix(Self.stamp()) }
            var registry = HandlerRegistry()
            var maintenance = Maintenance(erasures: PostgresErasureStore(fixture.store), hints: nil, queues: { [] })
            maintenance.backups = backups
            registry.registerMaintenance(maintenance)
            registry.registerPipeline(fixture.pipeline, queues: [.ingestion])
            _ = try await fixture.store.pool.execute(Statement("DELETE FROM tasks"))
            _ = try await fixture.tasks.enqueue([try NewTask(CreateBackupInput(), tenant: .default)])
            guard case .completed?? = try await fixture.perform(.maintenance, registry) else {
                Issue.record("no backup was written")
                return
            }
            #expect(!Environment.isDirectory(first.path))
            #expect(
                await failure { _ = try await self.backups(fixture, directory + "/nowhere").create() }
                    == "backup.folder"
            )
            let without = PostgresBackups(
                fixture.store,
                configuration: PostgresConfiguration(
                    url: "postgresql://nobody:x@127.0.0.1:1/none",
                    applicationName: "t"
                ),
                directory: directory,
                kept: 9,
                programs: programs
            )
            #expect(await failure { _ = try await without.create() } == "program.failed")
        }
    }

    /// The end of the name of a backup that is made now.
    private static func stamp() -> String {
        var seconds = time(nil)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        var buffer = [CChar](repeating: 0, count: 20)
        let length = strftime(&buffer, buffer.count, "%H%M%SZ", &parts)
        return String(decoding: buffer[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    @Test("a password goes to programs by the environment, and an address for another database keeps all else")
    func environment() throws {
        let configuration = PostgresConfiguration(
            url: "postgresql://me:p%20w'\\@db.example:6543/main?sslmode=require",
            applicationName: "probe"
        )
        let environment = try #require(configuration.programEnvironment(options: ["sluice.tenant": "*"]))
        #expect(environment["PGPASSWORD"] == "p w'\\" && environment["PGHOST"] == "db.example")
        #expect(environment["PGPORT"] == "6543" && environment["PGDATABASE"] == "main" && environment["PGUSER"] == "me")
        #expect(environment["PGSSLMODE"] == "require" && environment["PGOPTIONS"] == "-c sluice.tenant=*")
        let other = try #require(configuration.inDatabase("o'ther")?.programEnvironment())
        #expect(other["PGDATABASE"] == "o'ther" && other["PGPASSWORD"] == "p w'\\" && other["PGHOST"] == "db.example")
        #expect(PostgresConfiguration(url: "nonsense", applicationName: "x").programEnvironment() == nil)
    }
}
