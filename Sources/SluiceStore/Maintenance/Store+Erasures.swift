package import SluiceCore
package import SluiceDocuments
internal import SluicePostgres
package import SluiceQueue
internal import SluiceSystem

/// What asking for an erasure led to.
package struct ErasureRequest: Sendable {
    package let id: ErasureID
    /// The task that does it; nil when it was under way already, with one.
    package let task: EnqueuedTask?
}

/// An erasure as operators see it; once it is complete, the receipt.
package struct ErasureRecord: Sendable {
    package let id: ErasureID
    package let scope: String
    package let salt: [UInt8]
    /// SHA-256 of the salt and what was erased.
    package let subject: [UInt8]
    /// Nil once it is complete, and so are the next.
    package let tenant: TenantID?
    package let uri: String?
    package let who: String
    package let task: TaskID?
    /// Microseconds since 1970-01-01 UTC.
    package let requestedAt: Int64
    package let completedAt: Int64?
    /// Rows removed, by table.
    package let counts: [(table: String, rows: Int)]

    /// Whether this is the erasure of what has this name.
    package func isOf(_ name: ErasureName) -> Bool { name.digest(salt: salt) == subject }
}

/// The name of something that may be erased, as receipts know it: by its salted digest.
package struct ErasureName: Sendable {
    private let text: String

    package init(tenant: TenantID) { text = "tenant\n\(tenant)" }
    package init(uri: String, tenant: TenantID, index: String) { text = "document\n\(tenant)\n\(index)\n\(uri)" }

    func digest(salt: [UInt8]) -> [UInt8] { SHA256Digest(of: salt + Array(text.utf8)).bytes }
}

extension Store {
    /// Begins to erase: from the commit on nothing new is stored for it, and the task of its erasure waits. An erasure that is
    /// under way already is given back; if its task was cancelled or died, it gets another.
    ///
    /// - Parameter name: what `subject` is called on the receipt.
    /// - Throws: `TaskFailure` `erasure.default` for the tenant that the fleet's own tasks belong to.
    package func erase(_ subject: ErasureSubject, name: ErasureName, who: String) async throws -> ErasureRequest {
        if case .tenant(.default) = subject {
            throw TaskFailure(
                errorClass: "erasure.default",
                message:
                    "the tenant 'default' is also the fleet's own, to which its maintenance belongs; erase its documents"
            )
        }
        var generator = SystemRandomNumberGenerator()
        let salt = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        return try await pool.transaction { transaction in
            let request = ErasureStatements.request(subject, salt: salt, digest: name.digest(salt: salt), who: who)
            var known = try await transaction.query(request).first
            if known == nil { known = try await transaction.query(ErasureStatements.find(subject)).first }
            guard let id = known else { throw PostgresError(.serializationFailure, "an erasure ended meanwhile") }
            let key = "erasure/\(id)"
            let task =
                switch subject {
                case .tenant:
                    try NewTask(EraseTenantInput(erasure: id.rawValue), tenant: .default, priority: 2, uniqueKey: key)
                case .document:
                    try NewTask(EraseDocumentInput(erasure: id.rawValue), tenant: .default, priority: 2, uniqueKey: key)
                }
            // Of one that is under way it may have been cancelled or have died; where it lives, it is kept.
            guard let enqueued = try await enqueue([task], in: transaction).first, enqueued.resolution == .created
            else {
                return ErasureRequest(id: id, task: nil)
            }
            try await transaction.execute(ErasureStatements.setTask(id, enqueued.id))
            return ErasureRequest(id: id, task: enqueued)
        }
    }

    /// The newest erasures that match, newest first. Receipts hold no name to look up, so all are read, some at a time, until enough
    /// match.
    ///
    /// - Parameter limit: of those that match.
    package func erasures(
        limit: Int,
        matching isWanted: (ErasureRecord) -> Bool
    ) async throws -> [ErasureRecord] {
        var found: [ErasureRecord] = []
        var last: ErasureID?
        while found.count < limit {
            let read = try await erasures(below: last, limit: Self.erasuresAtOnce)
            found += read.filter(isWanted).prefix(limit - found.count)
            guard read.count == Self.erasuresAtOnce else { break }
            last = read.last?.id
        }
        return found
    }

    static var erasuresAtOnce: Int { 500 }

    /// Erasures, newest first.
    ///
    /// - Parameter below: only those before this one.
    package func erasures(
        _ id: ErasureID? = nil,
        below: ErasureID? = nil,
        limit: Int
    ) async throws -> [ErasureRecord] {
        try await pool.query(
            Statement(
                """
                SELECT id, scope, salt, subject, tenant_id, uri, who, task_id, requested_at, completed_at,
                    ARRAY(SELECT key FROM jsonb_each(counts) ORDER BY key),
                    ARRAY(SELECT value::text::bigint FROM jsonb_each(counts) ORDER BY key)
                FROM erasures WHERE ($1::bigint IS NULL OR id = $1) AND ($3::bigint IS NULL OR id < $3)
                ORDER BY id DESC LIMIT $2
                """,
                [.optionalInt8(id?.rawValue), .int8(Int64(limit)), .optionalInt8(below?.rawValue)]
            ) { row throws(PostgresError) in
                let (tables, rows) = (try row.textArray(10), try row.int64Array(11))
                return ErasureRecord(
                    id: ErasureID(rawValue: try row.int64(0)),
                    scope: try row.text(1),
                    salt: try row.bytes(2),
                    subject: try row.bytes(3),
                    tenant: try row.optionalText(4).map { TenantID(trusted: $0) },
                    uri: try row.optionalText(5),
                    who: try row.text(6),
                    task: try row.optionalInt64(7).map { TaskID(rawValue: $0) },
                    requestedAt: try row.timestamp(8),
                    completedAt: try row.optionalTimestamp(9),
                    counts: zip(tables, rows).map { ($0, Int($1)) }
                )
            }
        )
    }

    /// Names of all queues that the database knows.
    package func queueNames() async throws -> [QueueName] {
        try await pool.query(
            Statement("SELECT name FROM queues ORDER BY name") { row throws(PostgresError) in
                QueueName(trusted: try row.text(0))
            }
        )
    }

    /// The words for what the database refuses for a tenant that is being erased; any other error as it is.
    static func explained(_ error: PostgresError) -> any Error {
        guard error.sqlState == "SLE01" else { return error }
        return TaskFailure(
            errorClass: "tenant.erasing",
            message: "the tenant is being erased and takes no tasks; it can be made anew once that is complete "
                + "(workerctl erasures ls)"
        )
    }

    /// Refuses documents that are being erased, or whose tenant is.
    func refuseErasing(
        _ uris: [String],
        _ tenant: TenantID,
        _ index: IndexID,
        in transaction: PostgresTransaction
    ) async throws {
        guard try await transaction.query(ErasureStatements.isErasing(tenant, index, uris)).first == true else {
            return
        }
        throw TaskFailure(
            errorClass: "document.erasing",
            message: "a document to ingest, or its tenant, is being erased; ingest it again once that is complete "
                + "(workerctl erasures ls)"
        )
    }
}
