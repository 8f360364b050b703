package import SluiceCore
internal import SluicePostgres
package import SluiceQueue

/// The schedules that a fleet should have. Times are in UTC and spread over the night.
package enum DefaultSchedules {
    package struct Entry: Sendable {
        package let name: ScheduleName
        package let rule: String
        package let kind: TaskKind
        package let payload: String
        package let catchUp: CatchUpPolicy
        /// What one says of all entries: two of a kind never run at once.
        package let overlap: OverlapPolicy

        init(_ name: String, _ rule: String, _ kind: String, _ catchUp: CatchUpPolicy) {
            self.name = ScheduleName(trusted: "sluice." + name)
            self.rule = rule
            self.kind = TaskKind(trusted: kind)
            payload = "{}"
            self.catchUp = catchUp
            overlap = .skip
        }
    }

    /// - Parameter backsUp: whether the workers have a folder for backups.
    package static func entries(backsUp: Bool) -> [Entry] {
        var entries = [
            // What was missed while nobody led is done once, late: it is about rows, not about the hour.
            Entry("retention-sweep", "17 3 * * *", "retention.sweep", .latest),
            Entry("statistics-refresh", "40 2 * * *", "statistics.refresh", .latest),
            // Not caught up: it would run by day, and waits for the night in any case.
            Entry("index-compact", "5 1 * * *", "index.compact", .skip),
            // The next one measures the same.
            Entry("freshness-check", "*/15 * * * *", "freshness.check", .skip),
            Entry("cache-warm", "20 */6 * * *", "cache.warm", .skip),
            Entry("index-isolate", "5 2 * * SAT", "index.isolate", .latest),
            Entry("index-verify", "30 5 * * SUN", "index.verify", .latest),
        ]
        if backsUp { entries.append(Entry("backup-create", "30 0 * * *", "backup.create", .latest)) }
        return entries
    }
}

/// What installing one default schedule came to.
package struct InstalledSchedule: Sendable, Equatable {
    package enum Result: String, Sendable {
        /// It was not there.
        case added
        /// A schedule of that name is there, as somebody left it.
        case kept
        /// The schema knows no such kind: it is older than this program.
        case unknownKind = "unknown_kind"
    }

    package let name: ScheduleName
    package let rule: String
    package let kind: TaskKind
    package let result: Result
}

extension Store {
    /// Adds default schedules that are not there; those that are stay as they are, paused or changed.
    ///
    /// - Parameters:
    ///   - zones: for their times, which are in UTC.
    ///   - isDryRun: says what would happen and changes nothing.
    package func installDefaultSchedules(
        _ entries: [DefaultSchedules.Entry],
        zones: TimeZones,
        isDryRun: Bool
    ) async throws -> [InstalledSchedule] {
        let utc = try zones.rules(named: "UTC")
        var installed: [InstalledSchedule] = []
        for entry in entries {
            let result: InstalledSchedule.Result
            if let known = try await defaults(of: entry.kind) {
                result = try await install(entry, known, FireTimes(try FireRule(entry.rule), in: utc), isDryRun)
            } else {
                result = .unknownKind
            }
            installed.append(
                InstalledSchedule(name: entry.name, rule: entry.rule, kind: entry.kind, result: result)
            )
        }
        return installed
    }

    private func install(
        _ entry: DefaultSchedules.Entry,
        _ known: KindDefaultsRecord,
        _ times: FireTimes,
        _ isDryRun: Bool
    ) async throws -> InstalledSchedule.Result {
        do {
            _ = try await schedule(entry.name, tenant: .default)
            return .kept
        } catch ScheduleError.notFound {
            if isDryRun { return .added }
        }
        do {
            try await addSchedule(
                NewSchedule(
                    tenant: .default,
                    name: entry.name,
                    rule: times.rule,
                    queue: known.queue,
                    kind: entry.kind,
                    payload: entry.payload,
                    payloadVersion: known.payloadVersion,
                    maxAttempts: known.maxAttempts,
                    timeout: .seconds(known.timeoutSeconds),
                    catchUp: entry.catchUp,
                    overlap: entry.overlap
                ),
                times: times
            )
            return .added
        } catch ScheduleError.exists {
            return .kept
        }
    }
}
