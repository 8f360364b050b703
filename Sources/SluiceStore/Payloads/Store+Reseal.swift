package import SluiceCore
internal import SluicePostgres
internal import SluiceQueue

/// What one step of sealing payloads anew did.
package struct ResealStep: Sendable {
    package var examined = 0
    /// Now under the newest key.
    package var resealed = 0
    /// Sealed with a key that this process has not, or damaged: left as they are.
    package var locked = 0
    /// Where the next step goes on; nil: the table is done.
    package var next: TaskID?
}

/// Tables whose payloads are still to be performed. The archive keeps its seals until it is dropped.
package enum SealedTable: String, CaseIterable, Sendable {
    case tasks
    case deadLetters = "dead_letters"
    case schedules
}

extension Store {
    /// Seals up to `limit` payloads anew with the first key, those never sealed too. Rows that change meanwhile are left to
    /// their changer; tasks enqueued meanwhile are under the first key already where their enqueuer has it first.
    package func reseal(_ table: SealedTable, after: TaskID?, limit: Int) async throws -> ResealStep {
        let rows = try await pool.query(ResealStatements.page(table, after: after, limit: limit))
        var step = ResealStep(examined: rows.count)
        var changes: [ResealStatements.Change] = []
        for row in rows where payloadKeys.isOutdated(row.payload) {
            let routing: [String]
            let payload: String
            switch payloadKeys.open(row.payload, tenant: row.tenant, kind: row.kind) {
            case .plain: (payload, routing) = (row.payload, row.routing)
            case .opened(let opened):
                payload = opened
                routing = JSONFields.names(of: row.payload).filter { $0 != PayloadKeys.field }
            case .locked:
                step.locked += 1
                continue
            }
            let sealed = try payloadKeys.seal(payload, tenant: row.tenant, kind: row.kind, routing: routing)
            changes.append(.init(id: row.id, was: row.payload, becomes: sealed))
        }
        if !changes.isEmpty { step.resealed = try await pool.query(ResealStatements.change(table, changes)).count }
        if rows.count == limit { step.next = rows.last?.id }
        return step
    }
}

enum ResealStatements {
    struct Row: Sendable {
        let id: TaskID
        let tenant: TenantID
        let kind: TaskKind
        let payload: String
        let routing: [String]
    }

    struct Change: Sendable {
        let id: TaskID
        let was: String
        let becomes: String
    }

    /// - Index: the primary key.
    static func page(_ table: SealedTable, after: TaskID?, limit: Int) -> Statement<Row> {
        Statement(
            """
            SELECT id, tenant_id, kind, payload::text, coalesce(routing_fields, '{}')
            FROM \(table.rawValue) LEFT JOIN kind_defaults USING (kind) WHERE id > $1 ORDER BY id LIMIT $2
            """,
            [.int8(after?.rawValue ?? 0), .int8(Int64(limit))]
        ) { row throws(PostgresError) in
            Row(
                id: TaskID(rawValue: try row.int64(0)),
                tenant: TenantID(trusted: try row.text(1)),
                kind: TaskKind(trusted: try row.text(2)),
                payload: try row.text(3),
                routing: try row.textArray(4)
            )
        }
    }

    /// Compares and sets; rows are locked in the order of their ids, as settling does. Returns the rows changed.
    static func change(_ table: SealedTable, _ changes: [Change]) -> Statement<TaskID> {
        Statement(
            """
            WITH given AS MATERIALIZED (
                SELECT * FROM unnest($1::int8[], $2::text[], $3::text[]) AS given (id, was, becomes)
            ), held AS MATERIALIZED (
                SELECT live.id, becomes FROM \(table.rawValue) AS live JOIN given USING (id)
                WHERE live.payload = was::jsonb ORDER BY live.id FOR UPDATE OF live
            )
            UPDATE \(table.rawValue) AS live SET payload = becomes::jsonb FROM held WHERE live.id = held.id RETURNING live.id
            """,
            [
                .int8Array(changes.map(\.id.rawValue)), .textArray(changes.map(\.was)),
                .textArray(changes.map(\.becomes)),
            ]
        ) { row throws(PostgresError) in TaskID(rawValue: try row.int64(0)) }
    }
}
