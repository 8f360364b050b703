/// A name that operators type and that stands in keys and labels.
///
/// 1 to 63 characters of `a-z 0-9 . _ -`, the first a letter or a digit: safe in Redis keys, file names, labels and URLs.
package protocol SluiceName: RawRepresentable, Hashable, Comparable, Sendable, Codable, CustomStringConvertible
where RawValue == String {
    /// Wraps a string that is known to be valid: one read back from where only valid names are written.
    init(trusted: String)
}

extension SluiceName {
    /// Nil when `rawValue` is not a valid name.
    package init?(rawValue: String) {
        guard NameRule.accepts(rawValue) else { return nil }
        self.init(trusted: rawValue)
    }

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    package var description: String { rawValue }
}

/// What makes a valid name; the sentence is shown to whoever gave a bad one.
package enum NameRule {
    package static let sentence =
        "a name has 1 to 63 characters of a-z, 0-9, '.', '_' and '-', and begins with a letter or a digit"

    package static func accepts(_ text: String) -> Bool {
        let bytes = text.utf8
        guard (1...63).contains(bytes.count), let first = bytes.first, isAlphanumeric(first) else { return false }
        return bytes.allSatisfy {
            isAlphanumeric($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
        }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}

/// Whose documents and tasks these are; rows of other tenants are invisible.
package struct TenantID: SluiceName {
    package let rawValue: String
    package init(trusted: String) { rawValue = trusted }

    /// The tenant that exists from the first migration on.
    package static let `default` = TenantID(trusted: "default")
}

/// A queue: workers are started for queues, operators pause and measure them.
package struct QueueName: SluiceName {
    package let rawValue: String
    package init(trusted: String) { rawValue = trusted }

    package static let ingestion = QueueName(trusted: "ingestion")
    package static let embedding = QueueName(trusted: "embedding")
    package static let maintenance = QueueName(trusted: "maintenance")
    /// The queues that exist from the first migration on.
    package static let all: [QueueName] = [.ingestion, .embedding, .maintenance]
}

/// Names the handler of a task, `document.ingest`. Stored, so a rename is a migration.
package struct TaskKind: SluiceName {
    package let rawValue: String
    package init(trusted: String) { rawValue = trusted }
}

/// The name under which an index is filled and searched.
package struct IndexName: SluiceName {
    package let rawValue: String
    package init(trusted: String) { rawValue = trusted }

    package static let `default` = IndexName(trusted: "default")
}
