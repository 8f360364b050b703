import SluiceCore
import SluiceDocuments
import SluicePipeline
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore

/// Erasures on the real store, by the real handlers.
extension PipelineFixture {
    func request(_ uris: [String], tenant: TenantID, label: String = "") async throws -> BatchID {
        try await documents.requestIngest(of: uris, tenant: tenant, index: index, label: label).batch
    }

    var registry: HandlerRegistry {
        var registry = HandlerRegistry()
        registry.registerPipeline(pipeline, queues: QueueName.all)
        let store = store
        registry.registerMaintenance(
            Maintenance(erasures: PostgresErasureStore(store), hints: nil, queues: { try await store.queueNames() })
        )
        return registry
    }

    /// Performs tasks until nothing is left but what waits for its time.
    func drain() async throws {
        let registry = registry
        while true {
            var isIdle = true
            for queue in QueueName.all {
                while try await perform(queue, registry) != nil { isIdle = false }
            }
            _ = try await store.pool.execute(Statement("UPDATE tasks SET run_at = now() WHERE state = 'retryable'"))
            if try await tasks.promoteDue(limit: 100).isEmpty && isIdle { return }
        }
    }

    /// Claims and performs the next task of a queue. Nil when there is none.
    @discardableResult
    func perform(_ queue: QueueName, _ registry: HandlerRegistry) async throws -> Settlement.Verdict?? {
        guard let task = try await claim(queue) else { return nil }
        guard let handler = registry.handler(for: task.kind) else { throw NotWritten() }
        let ending: Result<AttemptOutcome, any Error>
        do {
            ending = .success(try await handler.perform(task, AttemptContext(task: task, logger: TestServers.quiet)))
        } catch {
            ending = .failure(error)
        }
        var random = SystemRandomNumberGenerator()
        let verdict = VerdictPolicy(retry: handler.retry, rules: handler.rules)
            .verdict(of: ending, stopped: nil, task: task, using: &random)
        if let verdict { _ = try await tasks.settle([Settlement(task.fence, verdict)], worker: worker) }
        return .some(verdict)
    }

    /// The next task of a queue. Looks at the backlog are paced by what they cost: an empty one need not mean that there is none.
    func claim(_ queue: QueueName) async throws -> ClaimedTask? {
        for round in 0..<500 {
            if let task = try await tasks.claimNext(queue: queue, limit: 1, worker: worker).first { return task }
            let left = try await count("SELECT count(*) FROM tasks WHERE state = 'available' AND queue = '\(queue)'")
            if left == 0 { return nil }
            try await Task.sleep(for: .milliseconds(min(50, round + 1)))
        }
        throw NotWritten()
    }

    func erase(_ tenant: TenantID) async throws -> ErasureID {
        try await store.erase(.tenant(tenant), name: ErasureName(tenant: tenant), who: "me@here").id
    }

    func erase(_ uri: String, _ tenant: TenantID) async throws -> ErasureID {
        guard let record = try await store.documents(named: uri, tenant: tenant).first else { throw NotWritten() }
        return try await store.erase(
            .document(record.id, tenant: tenant, uri: uri),
            name: ErasureName(uri: uri, tenant: tenant, index: record.index),
            who: "me@here"
        ).id
    }

    func receipt(_ id: ErasureID) async throws -> ErasureRecord? {
        try await store.erasures(id, limit: 1).first
    }

    // MARK: - Searching everything

    /// Tables of the schema of which a row, as text, holds one of these words; all columns, whatever their type.
    func tables(holding words: [String]) async throws -> [String] {
        var found: [String] = []
        for table in try await tableNames() {
            let count = try await store.pool.query(
                Statement(
                    """
                    SELECT count(*) FROM "\(table)" AS found
                    WHERE EXISTS (SELECT FROM unnest($1::text[]) AS word WHERE strpos(lower(found::text), word) > 0)
                    """,
                    [.textArray(words)]
                ) { row throws(PostgresError) in try row.int64(0) }
            )
            if count.first != 0 { found.append("\(table): \(count.first ?? -1)") }
        }
        return found
    }

    /// Rows of a tenant, by table.
    func rows(of tenant: TenantID) async throws -> [String: Int64] {
        var rows: [String: Int64] = [:]
        for table in try await tableNames(withTenant: true) {
            rows[table] = try await store.pool.query(
                Statement("SELECT count(*) FROM \"\(table)\" WHERE tenant_id = $1", [.text(tenant.rawValue)]) {
                    row throws(PostgresError) in try row.int64(0)
                }
            ).first
        }
        return rows
    }

    private func tableNames(withTenant: Bool = false) async throws -> [String] {
        try await store.pool.query(
            Statement(
                """
                SELECT relname FROM pg_class AS class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
                    AND (NOT $1 OR EXISTS (SELECT FROM pg_attribute WHERE attrelid = class.oid AND attname = 'tenant_id'))
                ORDER BY relname
                """,
                [.bool(withTenant)]
            ) { row throws(PostgresError) in try row.text(0) }
        )
    }
}
