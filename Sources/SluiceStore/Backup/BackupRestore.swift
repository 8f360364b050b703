internal import SluiceCore
package import SluiceDocuments
package import SluicePostgres
internal import SluiceSystem

/// Brings a backup back into another database, and asks there what was noted when it was made.
package struct BackupRestore: Sendable {
    private let store: Store
    private let configuration: PostgresConfiguration
    private let programs: String?
    private static let countLimit = Duration.seconds(1_800)

    /// - Parameters:
    ///   - store: any of the server; it reads manifests.
    ///   - configuration: of the server and role; the database is another.
    package init(_ store: Store, configuration: PostgresConfiguration, programs: String?) {
        self.store = store
        self.configuration = configuration
        self.programs = programs
    }

    /// Restores into a database that is there and has no such schema yet.
    ///
    /// - Returns: the checks that were made, the dump's checksum first; with `verifies` also whether counts, indexes and sampled
    ///   searches are as they were.
    package func restore(_ path: String, into database: String, verifies: Bool) async throws -> [BackupCheck] {
        guard let manifest = Environment.textFile("\(path)/\(BackupFolder.manifest)"),
            let head = try await head(manifest)
        else {
            throw TaskFailure(
                errorClass: "backup.invalid",
                message: "the folder holds no backup: there is no manifest to read"
            )
        }
        let thread = PinnedThread(name: "restore")
        defer { thread.stop() }
        let (_, sha256) = try await thread.run { try BackupFolder.digest(of: "\(path)/\(BackupFolder.dump)") }
        guard sha256 == head.sha256 else {
            throw TaskFailure(
                errorClass: "backup.damaged",
                message:
                    "the dump is not what was written: its checksum differs from the manifest's; nothing was restored"
            )
        }
        guard let target = configuration.inDatabase(database),
            let environment = target.programEnvironment(options: ["sluice.tenant": "*"])
        else { throw PostgresError(.invalidAddress) }
        let restored = Store(configuration: target, schema: head.schemaName, logger: store.logger)
        defer { restored.close() }
        try await prepare(restored, database)
        try await PostgresProgram(folder: programs, environment: environment).run(
            "pg_restore",
            [
                "--exit-on-error", "--no-owner", "--no-privileges", "--dbname=\(database)",
                "\(path)/\(BackupFolder.dump)",
            ],
            within: PostgresBackups.limit
        )
        let checksum = BackupCheck(name: "checksum", isPassed: true, detail: String(sha256.prefix(16)))
        return verifies ? [checksum] + (try await verify(manifest, restored)) : [checksum]
    }

    private func head(_ manifest: String) async throws -> BackupStatements.Head? {
        do { return try await store.pool.query(BackupStatements.head(of: manifest)).first } catch let error
            as PostgresError
            where error.code == .invalidValue
        { return nil }
    }

    private func prepare(_ restored: Store, _ database: String) async throws {
        guard try await restored.pool.query(BackupStatements.hasSchema(restored.schema)).first == false else {
            throw TaskFailure(
                errorClass: "backup.occupied",
                message:
                    "the database '\(database)' has a schema '\(restored.schema)' already; restore into an empty one"
            )
        }
        // The dump names the extension's types; whether the role may add it is the administrator's to say.
        try await restored.pool.withConnection { try await $0.script("CREATE EXTENSION IF NOT EXISTS vector") }
    }

    private func verify(_ manifest: String, _ restored: Store) async throws -> [BackupCheck] {
        var checks: [BackupCheck] = []
        var wrong: [String] = []
        let counts = try await store.pool.query(BackupStatements.counts(of: manifest))
        let indexes = try await store.pool.query(BackupStatements.indexes(of: manifest))
        let facts = try await restored.unhurried { connection in
            for (name, rows) in counts {
                let there = try await connection.reply(BackupStatements.count(name), timeout: Self.countLimit).rows
                    .first
                if there != rows { wrong.append("\(name) has \(there ?? 0) rows, not \(rows)") }
            }
            var facts: [String?] = []
            try await connection.script("BEGIN; SET LOCAL enable_indexscan = off")
            for index in indexes {
                let reply = try await connection.reply(BackupStatements.index(index.version), timeout: Self.countLimit)
                facts.append(reply.rows.first)
            }
            try await connection.script("ROLLBACK")
            return facts
        }
        let rows = counts.reduce(0) { $0 + $1.rows }
        checks.append(
            BackupCheck(
                name: "rows",
                isPassed: wrong.isEmpty,
                detail: wrong.isEmpty ? "\(rows) in \(counts.count) tables" : wrong.joined(separator: "; ")
            )
        )
        for (index, found) in zip(indexes, facts) {
            let name = "index \(index.name)"
            guard let found,
                let compared = try await store.pool.query(BackupStatements.compare(index.facts, found)).first
            else {
                checks.append(BackupCheck(name: name, isPassed: false, detail: "it has no live version"))
                continue
            }
            let detail =
                compared.differing.isEmpty
                ? compared.isSound ? "pointer, vectors and sampled searches are as they were" : "it is incomplete"
                : "differs in \(compared.differing.joined(separator: ", "))"
            checks.append(
                BackupCheck(name: name, isPassed: compared.differing.isEmpty && compared.isSound, detail: detail)
            )
        }
        return checks
    }
}
