internal import SluiceCore
internal import SluicePostgres
internal import SluiceQueue

/// The locked row of a schedule, as far as it says what a fire enqueues.
struct ScheduleTemplate: Sendable {
    let id: ScheduleID
    let tenant: TenantID
    let overlap: OverlapPolicy
    let waiting: UnixTime?
    /// The transaction's time.
    let now: UnixTime
    private let task: NewTask
    private let fireTimeKey: String?

    /// Row lock: FOR UPDATE, so that fires, triggers, backfills and changes of one schedule come one after another.
    static func statement(_ condition: String, _ values: [PGValue]) -> Statement<ScheduleTemplate> {
        Statement(
            """
            SELECT id, tenant_id, overlap, waiting_fire_at, now(), queue, kind, payload::text, payload_version, priority,
                max_attempts, timeout_seconds, fire_time_key,
                coalesce((SELECT routing_fields FROM kind_defaults WHERE kind_defaults.kind = schedules.kind), '{}')
            FROM schedules WHERE \(condition) FOR UPDATE
            """,
            values
        ) { row throws(PostgresError) in
            let tenant = TenantID(trusted: try row.text(1))
            var task = NewTask(
                tenant: tenant,
                queue: QueueName(trusted: try row.text(5)),
                kind: TaskKind(trusted: try row.text(6)),
                payload: try row.text(7),
                payloadVersion: try row.int16(8),
                priority: try row.int16(9),
                maxAttempts: try row.int16(10),
                timeout: .seconds(try row.int32(11))
            )
            task.routingFields = try row.textArray(13)
            return ScheduleTemplate(
                id: ScheduleID(rawValue: try row.int64(0)),
                tenant: tenant,
                overlap: OverlapPolicy(rawValue: try row.text(2)) ?? .allow,
                waiting: try row.optionalTimestamp(3).map { UnixTime(microseconds: $0) },
                now: UnixTime(microseconds: try row.timestamp(4)),
                task: task,
                fireTimeKey: try row.optionalText(12)
            )
        }
    }

    /// The task of one fire. Throws where the payload is sealed and these keys do not open it.
    func task(at fire: UnixTime, _ keys: PayloadKeys) throws -> NewTask {
        var result = task
        switch keys.open(task.payload, tenant: tenant, kind: task.kind) {
        case .plain: break
        case .opened(let payload): result.payload = payload
        case .locked(let fault): throw fault.taskFailure
        }
        guard let fireTimeKey, let brace = result.payload.firstIndex(of: "{") else { return result }
        let separator = JSONFields.names(of: result.payload).isEmpty ? "" : ", "
        let rest = result.payload[result.payload.index(after: brace)...]
        result.payload = "{\"\(fireTimeKey)\": \"\(fire)\"\(separator)\(rest)"
        return result
    }
}

/// A row of the history to be.
struct FireEntry: Sendable {
    let at: UnixTime
    let how: FireRecord.How
    var task: TaskID?
    var reason: String?
}
