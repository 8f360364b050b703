internal import SluiceCore
internal import SluicePostgres

/// Which dead letters: what `TaskFilter` says, and what only they have. Nil means any.
package struct DeadLetterFilter: Sendable {
    package var tasks: TaskFilter
    package var errorClass: String?
    package var fingerprint: String?
    /// Keyset: only letters that stand after this one, in the order of the command.
    package var after: DeadLetterCursor?
    /// For retries by filter: whether those that are quarantined too are meant. Those named by their ids always are.
    package var includesQuarantined = false

    package init(
        _ tasks: TaskFilter = TaskFilter(),
        errorClass: String? = nil,
        fingerprint: String? = nil,
        after: DeadLetterCursor? = nil
    ) {
        self.tasks = tasks
        self.errorClass = errorClass
        self.fingerprint = fingerprint
        self.after = after
    }

    /// True when it names nothing: a bulk command asks for more.
    package var isUnbounded: Bool { tasks.isUnbounded && errorClass == nil && fingerprint == nil }

    /// What a retry by this filter acts on.
    package var forRetry: DeadLetterFilter {
        guard !includesQuarantined, tasks.ids == nil, tasks.isQuarantined == nil else { return self }
        var result = self
        result.tasks.isQuarantined = false
        return result
    }

    /// On the columns of `letter`, with parameters from `$1` on.
    ///
    /// - Parameter newestFirst: the order in which `after` is meant.
    func condition(newestFirst: Bool) -> (sql: String, values: [PGValue]) {
        var (sql, values) = tasks.condition(on: .dead, alias: "letter")
        if let errorClass {
            values.append(.text(errorClass))
            sql += " AND letter.error_class = $\(values.count)"
        }
        if let fingerprint {
            values.append(.text(fingerprint))
            sql += " AND letter.fingerprint = $\(values.count)"
        }
        if let after {
            values += [.int8(after.diedAt), .int8(after.id.rawValue)]
            sql += """
                 AND (letter.died_at, letter.id) \(newestFirst ? "<" : ">") (
                    '2000-01-01Z'::timestamptz + $\(values.count - 1) * interval '1 microsecond', $\(values.count)
                )
                """
        }
        return (sql, values)
    }
}

/// The place of a dead letter in their order: by the moment of death, then by number.
package struct DeadLetterCursor: Sendable, Hashable, CustomStringConvertible {
    /// Microseconds since 2000-01-01 UTC: what the database counts in, so that it loses nothing.
    let diedAt: Int64
    let id: TaskID

    init(diedAt: Int64, id: TaskID) {
        self.diedAt = diedAt
        self.id = id
    }

    package init(_ letter: DeadLetter) {
        self.init(diedAt: letter.diedAt - 946_684_800_000_000, id: letter.id)
    }

    /// Reads what `description` writes.
    package init?(text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let diedAt = Int64(parts[0]), let id = Int64(parts[1]) else { return nil }
        self.init(diedAt: diedAt, id: TaskID(rawValue: id))
    }

    package var description: String { "\(diedAt).\(id.rawValue)" }
}
