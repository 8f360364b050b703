/// A backup that was made.
package struct BackupReport: Sendable, Equatable {
    /// Its folder.
    package let path: String
    package let bytes: Int64
    package let tables: Int
    package let rows: Int64
    package let seconds: Double

    package init(path: String, bytes: Int64, tables: Int, rows: Int64, seconds: Double) {
        self.path = path
        self.bytes = bytes
        self.tables = tables
        self.rows = rows
        self.seconds = seconds
    }
}

/// One question of a restore drill.
package struct BackupCheck: Sendable, Equatable {
    package let name: String
    package let isPassed: Bool
    package let detail: String

    package init(name: String, isPassed: Bool, detail: String) {
        self.name = name
        self.isPassed = isPassed
        self.detail = detail
    }
}

package protocol BackupStore: Sendable {
    /// Writes a backup into a folder of its own in the folder that is set, and removes the oldest beyond those that are kept.
    func create() async throws -> BackupReport
}
