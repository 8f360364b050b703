internal import SluiceCore
internal import SluiceSystem
internal import Synchronization

/// Time zones by name: `UTC` always, others from the machine's files. Read once an hour, so that a process that runs for
/// months follows updates of tzdata.
package final class TimeZones: Sendable {
    private struct Entry {
        let rules: TimeZoneRules
        let readAt: Instant
    }

    private let read: @Sendable (_ name: String) -> [UInt8]?
    private let entries = Mutex<[String: Entry]>([:])
    private static let freshness = Duration.seconds(3_600)

    /// - Parameter read: a zone's TZif bytes; nil where there is none of this name.
    package init(read: @escaping @Sendable (_ name: String) -> [UInt8]? = { ZoneInfo.file(named: $0) }) {
        self.read = read
    }

    /// Throws where there is no such zone on this machine, or its file cannot be read.
    package func rules(named name: String) throws(ScheduleSyntaxError) -> TimeZoneRules {
        if name == TimeZoneRules.utc.name { return .utc }
        let known = entries.withLock { $0[name] }
        if let known, known.readAt.elapsed < Self.freshness { return known.rules }
        guard let bytes = read(name) else {
            // What was read once is better than nothing while tzdata is being replaced.
            if let known { return known.rules }
            throw ScheduleSyntaxError(
                "there is no time zone '\(name)' on this machine; names are those of tzdata, such as Europe/Berlin"
            )
        }
        let rules = try TimeZoneRules(name: name, tzif: bytes)
        entries.withLock { $0[name] = Entry(rules: rules, readAt: .now) }
        return rules
    }
}
