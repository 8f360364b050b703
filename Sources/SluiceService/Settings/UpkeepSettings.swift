internal import SluiceCore
package import SluiceDocuments

/// Settings of the maintenance tasks that the clock enqueues.
package struct UpkeepSettings: Sendable {
    package var sweep: SweepPolicy
    package var compaction: CompactionPolicy
    /// When compaction may run.
    package var quietHours: QuietHours
    /// Where backups go; nil: none are made.
    package var backupDirectory: String?
    /// Backups that are kept, the newest.
    package var backupsKept: Int
    /// The folder of pg_dump and pg_restore; nil: they are looked for in PATH.
    package var postgresPrograms: String?

    init(_ reader: inout SettingsReader, home: String?) {
        func days(_ name: String, _ standard: Int) -> Duration {
            .seconds(86_400 * reader.integer("SLUICE_RETENTION_\(name)_DAYS", default: standard, in: 1...36_500))
        }
        sweep = SweepPolicy(
            events: days("EVENTS", 365),
            readings: days("READINGS", 90),
            unusedModels: days("UNUSED_MODELS", 7)
        )
        compaction = CompactionPolicy(
            deadShare: Double(reader.integer("SLUICE_COMPACT_DEAD_PERCENT", default: 10, in: 1...100)) / 100
        )
        let hours = reader.text("SLUICE_QUIET_HOURS") ?? "1-5"
        quietHours = QuietHours(hours) ?? .always
        if QuietHours(hours) == nil {
            reader.report("SLUICE_QUIET_HOURS: '\(hours)' is not two hours of the day, as in 1-5, 22-4 or 0-24")
        }
        backupDirectory = reader.text("SLUICE_BACKUP_DIR")
        backupsKept = reader.integer("SLUICE_BACKUP_KEEP", default: 7, in: 1...10_000)
        postgresPrograms = reader.text("SLUICE_PG_BIN") ?? home.map { $0 + "/postgres/bin" }
    }
}
