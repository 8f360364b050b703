internal import Logging
internal import SluiceCore
internal import SluiceDocuments
internal import SluiceQueue

/// `backup.create`.
struct CreateBackup: Sendable {
    let store: any BackupStore

    func perform(_ context: AttemptContext) async throws -> AttemptOutcome {
        context.progress(0, "the dump is being written")
        let report = try await store.create()
        context.progress(Int(report.rows), of: Int(report.rows), "rows of \(report.tables) tables")
        context.logger.notice(
            "backup written",
            metadata: [
                "path": "\(report.path)", "bytes": "\(report.bytes)", "rows": "\(report.rows)",
                "seconds": "\(report.seconds)",
            ]
        )
        return .completed
    }
}
