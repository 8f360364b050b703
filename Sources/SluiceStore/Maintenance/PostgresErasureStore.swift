package import SluiceCore
package import SluiceDocuments
internal import SluicePostgres

/// Erasing on PostgreSQL. Which tables there are it reads from the catalogue: one that comes later with a tenant is not forgotten.
package struct PostgresErasureStore: ErasureStore {
    let store: Store

    package init(_ store: Store) { self.store = store }

    package func erasure(_ id: ErasureID) async throws -> Erasure? {
        try await store.pool.query(ErasureStatements.open(id)).first
    }

    package func stopTasks(of erasure: Erasure) async throws {
        switch erasure.subject {
        case .tenant(let tenant): try await store.pool.execute(ErasureStatements.stopRunning(tenant))
        case .document:
            let live = try await liveTasks(of: erasure.subject).map(\.id)
            if live.isEmpty { return }
            let filter = TaskFilter(ids: live)
            _ = try await store.cancel(filter, reason: "the document that it works for is being erased")
        }
    }

    package func wait(for erasure: Erasure) async throws -> ErasureWait? {
        let running: Int
        switch erasure.subject {
        case .tenant(let tenant):
            running = try await store.pool.query(ErasureStatements.countRunning(tenant)).first ?? 0
        case .document: running = try await liveTasks(of: erasure.subject).count(where: \.isRunning)
        }
        if running > 0 { return .running(running) }
        return try await hasOlderTransactions(erasure.id) ? .olderTransactions : nil
    }

    package func steps(of erasure: Erasure) async throws -> [ErasureStep] {
        try await targets(of: erasure, names: []).map(\.step)
    }

    package func remove(
        _ step: ErasureStep,
        from position: Int64,
        of erasure: Erasure,
        names: [String],
        fence: Fence
    ) async throws -> ErasureBatch {
        // None when its table is gone, as days of the archive go.
        guard
            let target = try await targets(of: erasure, names: names)
                .first(where: { $0.table == step.name && $0.action.rawValue == step.action })
        else { return ErasureBatch(removed: 0, next: nil) }
        if target.action == .deleteOrphans { return try await removeOrphans(of: erasure, fence: fence) }
        if target.action == .deleteUnused { return try await removeWords(from: position, of: erasure, fence: fence) }
        return try await store.pool.transaction { transaction in
            try await store.hold(fence, in: transaction)
            if target.action == .deleteAnswers { try await transaction.execute(ErasureTarget.holdGolden()) }
            let removed = try await transaction.query(target.remove(from: position)).first ?? 0
            if removed > 0 {
                try await transaction.execute(ErasureStatements.count(erasure.id, Self.family(step.name), removed))
            }
            return ErasureBatch(removed: removed, next: target.next(after: position, removed: removed))
        }
    }

    package func notePass(of erasure: Erasure, fence: Fence) async throws {
        try await store.pool.transaction { transaction in
            try await store.hold(fence, in: transaction)
            try await transaction.execute(ErasureStatements.passed(erasure.id))
        }
    }

    package func clearCatalogue(of erasure: Erasure) async throws {
        if case .tenant(let tenant) = erasure.subject {
            try await Self.dropPartitions(of: tenant, in: store)
            let indexes = try await store.pool.query(ErasureCatalogue.indexes(naming: tenant))
            try await store.unhurried { connection in
                for index in indexes {
                    try await connection.script(
                        "DROP INDEX CONCURRENTLY IF EXISTS \(quotedIdentifier(index))",
                        timeout: .seconds(600)
                    )
                }
            }
        }
        let counted = Set(try await store.erasures(erasure.id, limit: 1).first?.counts.map(\.table) ?? [])
        let tables = Set(try await targets(of: erasure, names: []).map(\.table) + ["documents"])
        let changed = tables.sorted().filter { counted.contains(Self.family($0)) || $0 == "documents" }
        // What cannot be analysed now is in time; the erasure does not wait for it.
        try? await store.analyze(changed, limit: .seconds(600))
    }

    package func remains(of erasure: Erasure, names: [String]) async throws -> [String] {
        var left: [String] = []
        for target in try await targets(of: erasure, names: names) where target.isSought {
            var position: Int64? = 0
            while let from = position {
                if try await store.pool.query(target.exists(from: from)).first ?? false {
                    left.append(target.table)
                    break
                }
                position = target.next(after: from, removed: 0)
            }
        }
        if case .document = erasure.subject, try await !liveTasks(of: erasure.subject).isEmpty { left.append("tasks") }
        return left
    }

    package func complete(_ erasure: Erasure, fence: Fence) async throws {
        try await store.pool.transaction { transaction in
            try await store.hold(fence, in: transaction)
            let last: Statement<Void>
            let name: String
            switch erasure.subject {
            case .tenant(let tenant):
                name = "tenants"
                last = Statement("DELETE FROM tenants WHERE id = $1", [.text(tenant.rawValue)])
            case .document(let id, _, _):
                name = "documents"
                last = Statement("DELETE FROM documents WHERE id = $1", [.int8(id.rawValue)])
            }
            let removed = try await transaction.execute(last)
            try await transaction.execute([
                ErasureStatements.count(erasure.id, name, removed), ErasureStatements.close(erasure.id),
            ])
            try await store.complete(fence, in: transaction)
        }
    }

    // MARK: -

    /// In this order: what held an older snapshot has its number by the time that the horizon is noted.
    private func hasOlderTransactions(_ id: ErasureID) async throws -> Bool {
        if try await store.pool.query(ErasureStatements.hasOlderSnapshots(id)).first ?? false { return true }
        try await store.pool.execute(ErasureStatements.setHorizon(id))
        return try await store.pool.query(ErasureStatements.hasOlderTransactions(id)).first ?? false
    }

    private func targets(of erasure: Erasure, names: [String]) async throws -> [ErasureTarget] {
        let tables = try await store.pool.query(ErasureCatalogue.tables(of: erasure.subject.tenant))
        let references = try await store.pool.query(ErasureCatalogue.references())
        let byName = Dictionary(uniqueKeysWithValues: tables.map { ($0.name, $0) })
        let order = ErasureOrder.of(tables.map(\.name), references: references)
        return ErasureTarget.all(of: erasure.subject, in: order.compactMap { byName[$0] }, names: names)
    }

    private struct LiveTask: Sendable {
        let id: TaskID
        let isRunning: Bool
    }

    private func liveTasks(of subject: ErasureSubject) async throws -> [LiveTask] {
        guard case .document(let id, let tenant, let uri) = subject else { return [] }
        return try await store.pool.query(
            Statement(
                "SELECT id, state = 'running' FROM tasks WHERE \(ErasureTarget.isTask("tasks"))",
                [.text(tenant.rawValue), .int8(id.rawValue), .textArray([uri])]
            ) { row throws(PostgresError) in
                LiveTask(id: TaskID(rawValue: try row.int64(0)), isRunning: try row.bool(1))
            }
        )
    }

    /// Days of the archive are counted as one table, tables of index versions too.
    private static func family(_ table: String) -> String {
        if table.hasPrefix("tasks_archive_") { return "tasks_archive" }
        return table.hasPrefix("embeddings_g") ? "embeddings" : table
    }
}
