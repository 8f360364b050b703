internal import SluiceCore
package import SluiceDocuments
package import SluicePostgres
internal import SluiceSystem

/// Backups by pg_dump: one folder each, with the dump and a manifest of what was in the database at that very moment.
package struct PostgresBackups: BackupStore {
    let store: Store
    let configuration: PostgresConfiguration
    let programs: String?
    private let directory: String
    private let kept: Int
    static let limit = Duration.seconds(5 * 3_600)
    private static let countLimit = Duration.seconds(1_800)

    /// - Parameters:
    ///   - directory: a folder that is there; backups are folders in it.
    ///   - kept: whole backups that stay, the newest; the others are removed after a new one is whole.
    ///   - programs: the folder of pg_dump and pg_restore; nil: looked for in PATH.
    package init(
        _ store: Store,
        configuration: PostgresConfiguration,
        directory: String,
        kept: Int,
        programs: String?
    ) {
        self.store = store
        self.configuration = configuration
        self.directory = directory
        self.kept = kept
        self.programs = programs
    }

    package func create() async throws -> BackupReport {
        let start = Instant.now
        let thread = PinnedThread(name: "backup")
        defer { thread.stop() }
        let taken = try await store.unhurried { connection in
            let (snapshot, name) = try await hold(connection)
            do {
                let taken = try await take(snapshot, name, connection, thread)
                try await connection.script("ROLLBACK")
                return taken
            } catch {
                try? await connection.script("ROLLBACK")
                throw error
            }
        }
        let (name, partial, tables, indexes) = (taken.name, taken.partial, taken.tables, taken.indexes)
        let (bytes, path) = try await Self.whole(partial, thread) {
            let (bytes, sha256) = try await thread.run {
                try BackupFolder.digest(of: "\(partial)/\(BackupFolder.dump)")
            }
            let manifest = try await store.pool.query(
                BackupStatements.manifest(bytes: bytes, sha256: sha256, tables: tables, indexes: indexes)
            ).first
            guard let manifest else { throw PostgresError(.server, "no manifest came back") }
            let (folder, count) = (directory, kept)
            let path = try await thread.run {
                try BackupFolder.write(manifest + "\n", to: "\(partial)/\(BackupFolder.manifest)")
                let path = try BackupFolder.finish(partial, as: name, in: folder)
                BackupFolder.keep(count, in: folder)
                return path
            }
            return (bytes, path)
        }
        return BackupReport(
            path: path,
            bytes: bytes,
            tables: tables.count,
            rows: tables.reduce(0) { $0 + $1.rows },
            seconds: start.elapsed.inSeconds
        )
    }

    private struct Taken: Sendable {
        let name: String
        let partial: String
        let tables: [(name: String, rows: Int64)]
        let indexes: [String]
    }

    /// Begins the transaction whose snapshot all is taken from, and holds every table that is in it: one that was dropped before its
    /// rows are counted would spoil the whole backup. Whoever wants to drop one tries again, as for the dump's own locks.
    ///
    /// - Returns: the snapshot, and the backup's name.
    private func hold(_ connection: PostgresConnection) async throws -> (snapshot: String, name: String) {
        var round = 1
        while true {
            try await connection.script(
                """
                BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 0;
                SET LOCAL enable_indexscan = off
                """
            )
            do throws(PostgresError) {
                guard let snapshot = try await connection.query(BackupStatements.exportSnapshot()).first else {
                    throw PostgresError(.server, "no snapshot came back")
                }
                let tables = try await connection.query(BackupStatements.tables()).map(quotedIdentifier)
                if !tables.isEmpty {
                    try await connection.script("LOCK TABLE \(tables.joined(separator: ", ")) IN ACCESS SHARE MODE")
                }
                return snapshot
            } catch {
                try? await connection.script("ROLLBACK")
                // Dropped between the snapshot and the lock: a new snapshot does not know of it.
                guard error.code == .undefinedTable, round < Self.rounds else {
                    throw error
                }
                round += 1
            }
        }
    }

    private static let rounds = 5

    /// The dump and the counts, both of the snapshot: whatever is written meanwhile is in neither.
    private func take(
        _ snapshot: String,
        _ name: String,
        _ connection: PostgresConnection,
        _ thread: PinnedThread
    ) async throws -> Taken {
        let folder = directory
        let partial = try await thread.run { try BackupFolder.begin(name, in: folder) }
        return try await Self.whole(partial, thread) {
            try await dump(snapshot, to: partial)
            let facts = try await facts(connection)
            return Taken(name: name, partial: partial, tables: facts.tables, indexes: facts.indexes)
        }
    }

    /// Removes the folder when `body` fails: what was begun is of no use, and may be as large as the database.
    private static func whole<Value>(
        _ partial: String,
        _ thread: PinnedThread,
        _ body: () async throws -> Value
    ) async throws -> Value {
        do {
            return try await body()
        } catch {
            await thread.run { BackupFolder.remove(partial) }
            throw error
        }
    }

    private func dump(_ snapshot: String, to folder: String) async throws {
        // Row-level security binds the role; the scope shows it all rows.
        guard let environment = configuration.programEnvironment(options: ["sluice.tenant": "*"]) else {
            throw PostgresError(.invalidAddress)
        }
        try await PostgresProgram(folder: programs, environment: environment).run(
            "pg_dump",
            [
                "--format=custom", "--schema=\(store.schema)", "--no-owner", "--no-privileges", "--enable-row-security",
                "--snapshot=\(snapshot)", "--lock-wait-timeout=60s", "--file=\(folder)/\(BackupFolder.dump)",
            ],
            within: Self.limit
        )
    }

    private func facts(
        _ connection: PostgresConnection
    ) async throws -> (tables: [(name: String, rows: Int64)], indexes: [String]) {
        var tables: [(name: String, rows: Int64)] = []
        for table in try await connection.query(BackupStatements.tables()) {
            let rows = try await connection.reply(BackupStatements.count(table), timeout: Self.countLimit).rows
            tables.append((table, rows.first ?? 0))
        }
        var indexes: [String] = []
        for version in try await connection.query(BackupStatements.liveVersions()) {
            indexes += try await connection.reply(BackupStatements.index(version), timeout: Self.countLimit).rows
        }
        return (tables, indexes)
    }
}
