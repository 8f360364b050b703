internal import SluiceCore
internal import SluicePostgres

/// How long rows that nobody needs any more are kept.
package struct RetentionPolicy: Sendable, Equatable {
    /// Attempts of tasks that left the archive.
    package var attempts: Duration
    /// Outermost batches that finished, with all inside them and their nodes.
    package var batches: Duration
    /// Superseded and abandoned versions of documents.
    package var versions: Duration
    /// Vectors that the cache took in; live chunks keep theirs in their index.
    package var cache: Duration
    package var audit: Duration

    package init(
        attempts: Duration = .seconds(30 * 86_400),
        batches: Duration = .seconds(90 * 86_400),
        versions: Duration = .seconds(30 * 86_400),
        cache: Duration = .seconds(90 * 86_400),
        audit: Duration = .seconds(365 * 86_400)
    ) {
        self.attempts = attempts
        self.batches = batches
        self.versions = versions
        self.cache = cache
        self.audit = audit
    }
}

/// What one sort of rows would lose, or has lost.
package struct PrunedRows: Sendable, Equatable {
    package let name: String
    package let count: Int
}

extension Store {
    private static let pruneChunk = 5_000

    /// One sort of rows beyond its age: which, by a condition in which `$1` is the age in seconds.
    private struct Target {
        let name: String
        let table: String
        let age: Duration
        let condition: String
    }

    private static func targets(_ policy: RetentionPolicy) -> [Target] {
        [
            Target(
                name: "attempts",
                table: "attempts",
                age: policy.attempts,
                condition: """
                    ended_at < now() - make_interval(secs => $1)
                        AND NOT EXISTS (SELECT FROM tasks WHERE tasks.id = attempts.task_id)
                        AND NOT EXISTS (SELECT FROM dead_letters WHERE dead_letters.id = attempts.task_id)
                    """
            ),
            Target(
                name: "batches",
                table: "batches",
                age: policy.batches,
                condition: """
                    parent_id IS NULL AND finished_at < now() - make_interval(secs => $1)
                        AND NOT EXISTS (SELECT FROM dead_letters WHERE dead_letters.batch_id = batches.id)
                        AND NOT EXISTS (
                            SELECT FROM batches AS inner_batch JOIN dead_letters ON dead_letters.batch_id = inner_batch.id
                            WHERE inner_batch.root_id = batches.id
                        )
                    """
            ),
            Target(
                name: "document_versions",
                table: "document_versions",
                age: policy.versions,
                condition: """
                    state IN ('superseded', 'abandoned') AND created_at < now() - make_interval(secs => $1)
                        AND coalesce(live_at, created_at) < now() - make_interval(secs => $1)
                    """
            ),
            Target(
                name: "embedding_cache",
                table: "embedding_cache",
                age: policy.cache,
                condition: """
                    created_at < now() - make_interval(secs => $1) AND NOT EXISTS (
                        SELECT FROM staged_chunks WHERE staged_chunks.content_hash = embedding_cache.content_hash
                    )
                    """
            ),
            Target(
                name: "audit_events",
                table: "audit_events",
                age: policy.audit,
                condition: "at < now() - make_interval(secs => $1)"
            ),
        ]
    }

    /// What `prune` would remove. Reads; changes nothing.
    package func countPrunable(_ policy: RetentionPolicy) async throws -> [PrunedRows] {
        var result: [PrunedRows] = []
        for target in Self.targets(policy) {
            let rows = try await pool.query(
                Statement(
                    "SELECT count(*) FROM \(target.table) WHERE \(target.condition)",
                    [.float8(target.age.inSeconds)]
                ) { row throws(PostgresError) in Int(try row.int64(0)) }
            )
            result.append(PrunedRows(name: target.name, count: rows.first ?? 0))
        }
        return result
    }

    /// Removes rows beyond their age, in chunks of a transaction each, so that nobody waits long for a lock.
    ///
    /// Harmless at any time and more than once. The archive's days are dropped by the pruner on its own.
    ///
    /// - Parameter chunks: of one sort at most in this call; the rest waits for the next.
    package func prune(_ policy: RetentionPolicy, chunks: Int = .max) async throws -> [PrunedRows] {
        var result: [PrunedRows] = []
        for target in Self.targets(policy) {
            var count = 0
            var chunk = 0
            while chunk < chunks {
                let removed = try await pool.execute(
                    Statement(
                        """
                        DELETE FROM \(target.table) WHERE ctid = ANY (ARRAY(
                            SELECT ctid FROM \(target.table) WHERE \(target.condition) LIMIT $2 FOR UPDATE SKIP LOCKED
                        ))
                        """,
                        [.float8(target.age.inSeconds), .int8(Int64(Self.pruneChunk))]
                    )
                )
                count += removed
                chunk += 1
                if removed < Self.pruneChunk { break }
            }
            result.append(PrunedRows(name: target.name, count: count))
        }
        return result
    }
}
