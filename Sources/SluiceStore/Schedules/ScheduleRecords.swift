package import SluiceCore
internal import SluicePostgres
package import SluiceQueue

/// What a schedule is made of.
package struct NewSchedule: Sendable {
    package var tenant: TenantID
    package var name: ScheduleName
    package var rule: FireRule
    package var timeZone: String
    package var queue: QueueName
    package var kind: TaskKind
    /// JSON; an object where there is a `fireTimeKey`.
    package var payload: String
    package var payloadVersion: Int
    /// Under this key the payload gets the time of the fire.
    package var fireTimeKey: String?
    package var priority: Int
    package var maxAttempts: Int
    package var timeout: Duration
    package var catchUp: CatchUpPolicy
    package var catchUpLimit: Int
    package var overlap: OverlapPolicy

    package init(
        tenant: TenantID,
        name: ScheduleName,
        rule: FireRule,
        timeZone: String = "UTC",
        queue: QueueName,
        kind: TaskKind,
        payload: String = "{}",
        payloadVersion: Int = 1,
        fireTimeKey: String? = nil,
        priority: Int = 5,
        maxAttempts: Int = RetryPolicy.standard.maxAttempts,
        timeout: Duration = .seconds(60),
        catchUp: CatchUpPolicy = .latest,
        catchUpLimit: Int = 100,
        overlap: OverlapPolicy = .allow
    ) {
        self.tenant = tenant
        self.name = name
        self.rule = rule
        self.timeZone = timeZone
        self.queue = queue
        self.kind = kind
        self.payload = payload
        self.payloadVersion = payloadVersion
        self.fireTimeKey = fireTimeKey
        self.priority = priority
        self.maxAttempts = maxAttempts
        self.timeout = timeout
        self.catchUp = catchUp
        self.catchUpLimit = catchUpLimit
        self.overlap = overlap
    }
}

/// A schedule as operators see it. Times in microseconds since 1970-01-01 UTC.
package struct ScheduleRecord: Sendable {
    package let id: ScheduleID
    package let tenant: TenantID
    package let name: ScheduleName
    package let rule: String
    package let timeZone: String
    package let queue: QueueName
    package let kind: TaskKind
    /// As it is stored: sealed where there are keys.
    package let payload: String
    package let fireTimeKey: String?
    package let priority: Int
    package let maxAttempts: Int
    package let timeoutSeconds: Int
    package let catchUp: CatchUpPolicy
    package let catchUpLimit: Int
    package let overlap: OverlapPolicy
    package let pausedAt: Int64?
    package let pauseReason: String?
    package let nextFireAt: Int64?
    package let waitingFireAt: Int64?
    package let lastFireAt: Int64?
    /// Why the leader cannot fire it.
    package let problem: String?
    package let createdAt: Int64
    /// The time of the database when this was read.
    package let asOf: Int64

    /// What the rule means, with the zones of this machine.
    package func times(_ zones: TimeZones) throws -> FireTimes {
        FireTimes(try FireRule(rule), in: try zones.rules(named: timeZone))
    }
}

/// One fire of a schedule, or several that were missed. Times in microseconds since 1970-01-01 UTC.
package struct FireRecord: Sendable {
    package enum How: String, Sendable, CaseIterable { case cron, trigger, backfill, skipped }

    package let fireTime: Int64
    package let how: How
    /// Nil: skipped, or waiting.
    package let task: TaskID?
    package let reason: String?
    package let firedAt: Int64
}

/// What `kind_defaults` says of a kind.
package struct KindDefaultsRecord: Sendable, Equatable {
    package let queue: QueueName
    package let maxAttempts: Int
    package let timeoutSeconds: Int
    package let payloadVersion: Int
}

/// Why an operator's wish about a schedule cannot be granted.
package enum ScheduleError: Error, Hashable, CustomStringConvertible {
    case notFound(ScheduleName, TenantID)
    case exists(ScheduleName, TenantID)
    case unknownQueue(QueueName)
    /// A backfill of more fires than `Store.largestBackfill`.
    case tooManyFires

    package var description: String {
        switch self {
        case .notFound(let name, let tenant): "tenant '\(tenant)' has no schedule '\(name)'"
        case .exists(let name, let tenant):
            "tenant '\(tenant)' has a schedule '\(name)' already; remove it first, or choose another name"
        case .unknownQueue(let queue): "there is no queue '\(queue)'; nothing would run its tasks"
        case .tooManyFires:
            "a backfill takes at most \(Store.largestBackfill) fires at once; narrow the span and repeat it"
        }
    }
}

enum ScheduleRecordStatements {
    static func list(_ tenant: TenantID?, _ name: ScheduleName?, limit: Int) -> Statement<ScheduleRecord> {
        Statement(
            """
            SELECT id, tenant_id, name, rule, time_zone, queue, kind, payload::text, fire_time_key, priority,
                max_attempts, timeout_seconds, catch_up, catch_up_limit, overlap, paused_at, pause_reason, next_fire_at,
                waiting_fire_at, last_fire_at, problem, created_at, now()
            FROM schedules WHERE ($1::text IS NULL OR tenant_id = $1) AND ($2::text IS NULL OR name = $2)
            ORDER BY tenant_id, name LIMIT $3
            """,
            [.optionalText(tenant?.rawValue), .optionalText(name?.rawValue), .int8(Int64(limit))]
        ) { row throws(PostgresError) in
            ScheduleRecord(
                id: ScheduleID(rawValue: try row.int64(0)),
                tenant: TenantID(trusted: try row.text(1)),
                name: ScheduleName(trusted: try row.text(2)),
                rule: try row.text(3),
                timeZone: try row.text(4),
                queue: QueueName(trusted: try row.text(5)),
                kind: TaskKind(trusted: try row.text(6)),
                payload: try row.text(7),
                fireTimeKey: try row.optionalText(8),
                priority: try row.int16(9),
                maxAttempts: try row.int16(10),
                timeoutSeconds: try row.int32(11),
                catchUp: CatchUpPolicy(rawValue: try row.text(12)) ?? .latest,
                catchUpLimit: try row.int32(13),
                overlap: OverlapPolicy(rawValue: try row.text(14)) ?? .allow,
                pausedAt: try row.optionalTimestamp(15),
                pauseReason: try row.optionalText(16),
                nextFireAt: try row.optionalTimestamp(17),
                waitingFireAt: try row.optionalTimestamp(18),
                lastFireAt: try row.optionalTimestamp(19),
                problem: try row.optionalText(20),
                createdAt: try row.timestamp(21),
                asOf: try row.timestamp(22)
            )
        }
    }

    static func defaults(of kind: TaskKind) -> Statement<KindDefaultsRecord> {
        Statement(
            "SELECT queue, max_attempts, timeout_seconds, payload_version FROM kind_defaults WHERE kind = $1",
            [.text(kind.rawValue)]
        ) { row throws(PostgresError) in
            KindDefaultsRecord(
                queue: QueueName(trusted: try row.text(0)),
                maxAttempts: try row.int16(1),
                timeoutSeconds: try row.int32(2),
                payloadVersion: try row.int16(3)
            )
        }
    }

    /// - Index: `schedule_fires_recent_idx`.
    static func history(_ id: ScheduleID, limit: Int) -> Statement<FireRecord> {
        Statement(
            """
            SELECT fire_time, how, task_id, reason, fired_at FROM schedule_fires
            WHERE schedule_id = $1 ORDER BY id DESC LIMIT $2
            """,
            [.int8(id.rawValue), .int8(Int64(limit))]
        ) { row throws(PostgresError) in
            FireRecord(
                fireTime: try row.timestamp(0),
                how: FireRecord.How(rawValue: try row.text(1)) ?? .cron,
                task: try row.optionalInt64(2).map { TaskID(rawValue: $0) },
                reason: try row.optionalText(3),
                firedAt: try row.timestamp(4)
            )
        }
    }

    static func add(_ schedule: NewSchedule, next: UnixTime?, isPaused: Bool) -> Statement<Void> {
        Statement(
            """
            INSERT INTO schedules (
                tenant_id, name, rule, time_zone, queue, kind, payload, payload_version, fire_time_key, priority,
                max_attempts, timeout_seconds, catch_up, catch_up_limit, overlap, next_fire_at, paused_at, pause_reason
            ) VALUES (
                $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
                CASE WHEN $17 THEN now() END, CASE WHEN $17 THEN 'added paused' END
            )
            """,
            [
                .text(schedule.tenant.rawValue), .text(schedule.name.rawValue), .text(schedule.rule.text),
                .text(schedule.timeZone), .text(schedule.queue.rawValue), .text(schedule.kind.rawValue),
                .jsonb(schedule.payload), .int2(schedule.payloadVersion), .optionalText(schedule.fireTimeKey),
                .int2(schedule.priority), .int2(schedule.maxAttempts),
                .int4(max(1, Int(schedule.timeout.inSeconds.rounded(.up)))), .text(schedule.catchUp.rawValue),
                .int4(schedule.catchUpLimit), .text(schedule.overlap.rawValue), .timestamp(next?.seconds),
                .bool(isPaused),
            ]
        )
    }
}
