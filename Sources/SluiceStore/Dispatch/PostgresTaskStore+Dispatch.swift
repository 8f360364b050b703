package import SluiceCore
internal import SluicePostgres
package import SluiceQueue

extension PostgresTaskStore {
    package func dispatchState() async throws -> DispatchState {
        let controls = try await readControls()
        return DispatchState(queues: try await store.pool.query(DispatchStatements.queues()), controls: controls)
    }

    package func streams(queue: QueueName, after tenant: TenantID?, limit: Int) async throws -> [BacklogStream] {
        try await store.pool.query(DispatchStatements.streams(queue, after: tenant?.rawValue ?? "", limit: limit))
    }

    package func streams(queue: QueueName, besides known: [BacklogStream]) async throws -> [BacklogStream] {
        try await store.pool.query(DispatchStatements.streams(queue, besides: known))
    }

    package func heads(queue: QueueName, of requests: [StreamRequest]) async throws -> [Candidate] {
        if requests.isEmpty { return [] }
        return try await store.pool.query(DispatchStatements.heads(queue, requests))
    }

    package func available(among ids: [TaskID]) async throws -> [Candidate] {
        if ids.isEmpty { return [] }
        return try await store.pool.query(DispatchStatements.available(ids))
    }

    package func running(in scopes: [ControlScope]) async throws -> [ControlScope: Int] {
        if scopes.isEmpty { return [:] }
        return Self.sums(try await store.pool.query(DispatchStatements.running(scopes)), scopes)
    }

    static func sums(
        _ rows: [(QueueName, TenantID, TaskKind, Int)],
        _ scopes: [ControlScope]
    ) -> [ControlScope: Int] {
        scopes.reduce(into: [:]) { sums, scope in
            sums[scope] = rows.reduce(0) { sum, row in
                scope.covers(queue: row.0, tenant: row.1, kind: row.2) ? sum + row.3 : sum
            }
        }
    }
}

extension PostgresTaskStore: DispatchControl {
    package func slowDown(_ queue: QueueName, for duration: Duration, reason: String) async throws {
        try await store.slowDown(queue, for: duration, reason: reason)
    }
}
