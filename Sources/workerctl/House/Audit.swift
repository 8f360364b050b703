internal import FoundationEssentials
internal import Glibc
internal import SluiceStore
internal import SluiceSystem

/// Events of the audit: who did what to many tasks at once.
enum Audit {
    /// user@host.
    static func who() -> String {
        let user = Environment.value("USER") ?? Environment.value("LOGNAME") ?? "uid \(getuid())"
        return "\(user)@\(Environment.hostName())"
    }

    /// Notes that a command begins. Its event is ended by `Store.audited`; one that never ends shows a command cut off.
    ///
    /// - Parameter named: what was given, by option.
    static func begin(
        _ command: String,
        _ named: [String: String],
        reason: String?,
        in store: Store
    ) async throws -> Int64 {
        try await store.beginAudit(
            who: who(),
            command: command,
            filter: String(decoding: try JSONEncoder().encode(named), as: UTF8.self),
            reason: reason
        )
    }
}
