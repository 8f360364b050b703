package import SluiceAssets
internal import SluiceCore
internal import SluicePostgres
internal import SluiceSystem

/// What stands in the way of migrating, and what to do about it.
package struct MigrationError: Error, Sendable, CustomStringConvertible {
    package let description: String
}

/// Brings a schema to the newest version: numbered scripts, each in one transaction, under one lock, never edited later.
package struct Migrator: Sendable {
    package struct Step: Sendable, Equatable {
        package let version: Int
        package let name: String
        /// Microseconds since 1970; nil when it is still to be applied.
        package let appliedAt: Int64?
    }

    private let store: Store
    private let scripts: [MigrationAssets.Script]

    package init(_ store: Store, scripts: [MigrationAssets.Script] = MigrationAssets.all) {
        self.store = store
        self.scripts = scripts
    }

    /// Every known migration with the time it was applied. Changes nothing; an empty database has applied none.
    package func status() async throws -> [Step] {
        try await store.pool.transaction(readOnly: true) { transaction in
            let applied = try await applied(in: transaction)
            try check(applied)
            return scripts.map { script in
                Step(version: script.version, name: script.name, appliedAt: applied[script.version]?.at)
            }
        }
    }

    /// Applies what is missing and returns it. Several at once wait for each other.
    @discardableResult
    package func migrate() async throws -> [Step] {
        try await store.pool.execute(
            Statement("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1", [.text(store.schema)])
        )
        var done: [Step] = []
        for script in scripts {
            let isNew = try await store.pool.withConnection { connection in
                try await connection.transaction { transaction in
                    try await lock(transaction)
                    try await prepare(transaction)
                    let applied = try await applied(in: transaction)
                    try check(applied)
                    guard applied[script.version] == nil else { return false }
                    try await transaction.script(String(decoding: script.up, as: UTF8.self))
                    try await transaction.execute(
                        Statement(
                            "INSERT INTO schema_migrations (version, name, sha256) VALUES ($1, $2, $3)",
                            [.int4(script.version), .text(script.name), .text(Self.digest(script))]
                        )
                    )
                    return true
                }
            }
            if isNew { done.append(Step(version: script.version, name: script.name, appliedAt: nil)) }
        }
        return done
    }

    /// Takes the newest applied migration back, data and all. For development.
    package func revertLast() async throws -> Step? {
        try await store.pool.transaction { transaction in
            try await lock(transaction)
            let applied = try await applied(in: transaction)
            try check(applied)
            guard let script = scripts.last(where: { applied[$0.version] != nil }) else { return nil }
            try await transaction.script(String(decoding: script.down, as: UTF8.self))
            try await transaction.execute(
                Statement("DELETE FROM schema_migrations WHERE version = $1", [.int4(script.version)])
            )
            return Step(version: script.version, name: script.name, appliedAt: nil)
        }
    }

    // MARK: -

    /// A lock of this transaction, so that it works behind a pooler; keyed by schema.
    private func lock(_ transaction: PostgresTransaction) async throws {
        _ = try await transaction.query(
            Statement(
                "SELECT pg_advisory_xact_lock(hashtextextended('sluice.migrate.' || $1, 0))",
                [.text(store.schema)]
            )
        )
    }

    private func prepare(_ transaction: PostgresTransaction) async throws {
        let role = try await transaction.query(
            Statement(
                "SELECT rolsuper OR rolbypassrls, to_regnamespace($1) IS NOT NULL FROM pg_roles WHERE rolname = current_user",
                [.text(store.schema)]
            ) { row throws(PostgresError) in (try row.bool(0), try row.bool(1)) }
        ).first
        if role?.0 == true {
            throw MigrationError(
                description:
                    "the role of SLUICE_DATABASE_URL is a superuser or has BYPASSRLS, so row-level security would not "
                    + "bind it; use a plain role that owns the database (see deploy/roles.sql)"
            )
        }
        if role?.1 == false { try await transaction.script("CREATE SCHEMA \(quotedIdentifier(store.schema))") }
        try await requireVector(transaction)
        try await transaction.script(
            """
            CREATE TABLE IF NOT EXISTS schema_migrations (
                version integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT now()
            )
            """
        )
    }

    private func requireVector(_ transaction: PostgresTransaction) async throws {
        let version = Statement("SELECT extversion::text FROM pg_extension WHERE extname = 'vector'") {
            row throws(PostgresError) in try row.text(0)
        }
        var found = try await transaction.query(version).first
        if found == nil {
            do {
                try await transaction.script("CREATE EXTENSION vector SCHEMA public")
            } catch {
                throw MigrationError(
                    description:
                        "the database has no extension 'vector' and the role may not create it; as an administrator "
                        + "run CREATE EXTENSION vector (pgvector 0.8.4 or newer) in it"
                )
            }
            found = try await transaction.query(version).first
        }
        guard let found, VectorVersion.isSupported(found) else {
            throw MigrationError(
                description:
                    "pgvector \(found ?? "?") is too old: versions before 0.8.4 can corrupt HNSW indexes; update the "
                    + "extension and run ALTER EXTENSION vector UPDATE"
            )
        }
    }

    private struct Applied: Sendable {
        let name: String
        let digest: String
        let at: Int64
    }

    private func applied(in transaction: PostgresTransaction) async throws -> [Int: Applied] {
        let exists = try await transaction.query(
            Statement("SELECT to_regclass('schema_migrations') IS NOT NULL") { row throws(PostgresError) in
                try row.bool(0)
            }
        )
        guard exists.first == true else { return [:] }
        let rows = try await transaction.query(
            Statement("SELECT version, name, sha256, applied_at FROM schema_migrations") {
                row throws(PostgresError) in
                (
                    try row.int32(0),
                    Applied(name: try row.text(1), digest: try row.text(2), at: try row.timestamp(3))
                )
            }
        )
        return Dictionary(rows) { first, _ in first }
    }

    private func check(_ applied: [Int: Applied]) throws {
        for (version, row) in applied.sorted(by: { $0.key < $1.key }) {
            guard let script = scripts.first(where: { $0.version == version }) else {
                throw MigrationError(
                    description: "the database is newer than this program: it has migration \(version), \(row.name); "
                        + "update the program"
                )
            }
            guard Self.digest(script) == row.digest else {
                throw MigrationError(
                    description:
                        "migration \(version), \(row.name), was applied in another form than this program has; "
                        + "the two come from different builds, and nothing was changed"
                )
            }
        }
    }

    private static func digest(_ script: MigrationAssets.Script) -> String {
        SHA256Digest(of: script.up).bytes.hexadecimal
    }
}

/// Versions of pgvector.
package enum VectorVersion {
    /// 0.8.4 is the first without known corruption of HNSW indexes in parallel builds and vacuum.
    package static let minimum = [0, 8, 4]

    package static func isSupported(_ text: String) -> Bool {
        let parts = text.split(separator: ".").map { Int($0.prefix { $0.isNumber }) ?? 0 }
        for (index, least) in minimum.enumerated() {
            let part = index < parts.count ? parts[index] : 0
            if part != least { return part > least }
        }
        return true
    }
}
