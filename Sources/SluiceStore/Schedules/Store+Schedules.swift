package import SluiceCore
internal import SluicePostgres
package import SluiceQueue

extension Store {
    /// The time of the database: what schedules go by.
    package func time() async throws -> UnixTime {
        guard let clock = try await pool.query(ScheduleStatements.clock()).first else {
            throw PostgresError(.server, "no time came back")
        }
        return clock.now
    }

    /// Adds a schedule, which is due for the first time after now. Makes its tenant known if need be.
    ///
    /// Throws `ScheduleError.exists` and `.unknownQueue`. The payload is sealed where there are keys.
    package func addSchedule(_ schedule: NewSchedule, times: FireTimes, isPaused: Bool = false) async throws {
        try Self.check(schedule)
        var schedule = schedule
        schedule.payload = try payloadKeys.seal(
            schedule.payload,
            tenant: schedule.tenant,
            kind: schedule.kind,
            routing: []
        )
        try await ensureTenant(schedule.tenant)
        do {
            try await inTenant(schedule.tenant) { transaction in
                guard let clock = try await transaction.query(ScheduleStatements.clock()).first else { return }
                try await transaction.execute(
                    ScheduleRecordStatements.add(schedule, next: times.next(after: clock.now), isPaused: isPaused)
                )
            }
        } catch let error as PostgresError where error.code == .uniqueViolation {
            throw ScheduleError.exists(schedule.name, schedule.tenant)
        } catch let error as PostgresError where error.constraint == "schedules_queue_known" {
            throw ScheduleError.unknownQueue(schedule.queue)
        }
    }

    private static func check(_ schedule: NewSchedule) throws {
        let size = schedule.payload.utf8.count
        // Room for the fire's time.
        guard size <= PayloadRule.maxBytes - 256 else {
            throw TaskFailure(
                errorClass: "payload.too_large",
                message: "the schedule '\(schedule.name)' has a payload of \(size) bytes; at most "
                    + "\(PayloadRule.maxBytes - 256) are stored: put large content elsewhere and refer to it"
            )
        }
        let names = JSONFields.names(of: schedule.payload)
        for name in [schedule.fireTimeKey, PayloadKeys.field] {
            guard let name, names.contains(name) else { continue }
            throw TaskFailure(
                errorClass: "payload.invalid",
                message:
                    "the payload of the schedule '\(schedule.name)' has a field '\(name)' already, which a fire adds or "
                    + "a seal needs: name it otherwise"
            )
        }
    }

    /// What tasks of a kind have by default; nil for kinds that nobody registered.
    package func defaults(of kind: TaskKind) async throws -> KindDefaultsRecord? {
        try await pool.query(ScheduleRecordStatements.defaults(of: kind)).first
    }

    /// Schedules by tenant and name; nil: of all tenants.
    package func schedules(tenant: TenantID?, limit: Int) async throws -> [ScheduleRecord] {
        try await pool.query(ScheduleRecordStatements.list(tenant, nil, limit: limit))
    }

    /// Throws `ScheduleError.notFound`.
    package func schedule(_ name: ScheduleName, tenant: TenantID) async throws -> ScheduleRecord {
        let found = try await inTenant(tenant, readOnly: true) { transaction in
            try await transaction.query(ScheduleRecordStatements.list(tenant, name, limit: 1))
        }
        guard let record = found.first else { throw ScheduleError.notFound(name, tenant) }
        return record
    }

    /// What became of a schedule's fires, newest first. Throws `ScheduleError.notFound`.
    package func fires(of name: ScheduleName, tenant: TenantID, limit: Int) async throws -> [FireRecord] {
        let schedule = try await schedule(name, tenant: tenant)
        return try await inTenant(tenant, readOnly: true) { transaction in
            try await transaction.query(ScheduleRecordStatements.history(schedule.id, limit: limit))
        }
    }

    /// Keeps a schedule from firing. Tasks that it enqueued run on. False when it was paused already.
    ///
    /// Throws `ScheduleError.notFound`.
    package func pauseSchedule(_ name: ScheduleName, tenant: TenantID, reason: String?) async throws -> Bool {
        try await withLocked(name, tenant) { template, transaction in
            try await transaction.execute(
                Statement(
                    "UPDATE schedules SET paused_at = now(), pause_reason = $2 WHERE id = $1 AND paused_at IS NULL",
                    [.int8(template.id.rawValue), .optionalText(reason.map { String($0.unicodeScalars.prefix(500)) })]
                )
            ) == 1
        }
    }

    /// Lets a schedule fire again, from now on: what fell into the pause is not caught up, a backfill does that. False when it
    /// was not paused.
    ///
    /// Throws `ScheduleError.notFound`.
    package func resumeSchedule(_ name: ScheduleName, tenant: TenantID, times: FireTimes) async throws -> Bool {
        try await withLocked(name, tenant) { template, transaction in
            try await transaction.execute(
                Statement(
                    """
                    UPDATE schedules SET paused_at = NULL, pause_reason = NULL, next_fire_at = $2, problem = NULL,
                        problem_until = NULL
                    WHERE id = $1 AND paused_at IS NOT NULL
                    """,
                    [.int8(template.id.rawValue), .timestamp(times.next(after: template.now)?.seconds)]
                )
            ) == 1
        }
    }

    /// Removes a schedule and its history. Tasks that it enqueued run on; a fire that waits does not.
    ///
    /// Throws `ScheduleError.notFound`.
    package func removeSchedule(_ name: ScheduleName, tenant: TenantID) async throws {
        _ = try await withLocked(name, tenant) { template, transaction in
            try await transaction.execute(
                Statement("DELETE FROM schedules WHERE id = $1", [.int8(template.id.rawValue)])
            )
        }
    }

    /// Runs `body` with the schedule's row locked, in a transaction that sees its tenant's rows only.
    func withLocked<Value: Sendable>(
        _ name: ScheduleName,
        _ tenant: TenantID,
        _ body: (ScheduleTemplate, PostgresTransaction) async throws -> Value
    ) async throws -> Value {
        try await inTenant(tenant) { transaction in
            guard let template = try await transaction.query(ScheduleStatements.lock(name, tenant: tenant)).first else {
                throw ScheduleError.notFound(name, tenant)
            }
            return try await body(template, transaction)
        }
    }
}
