/// Which statements one connection has prepared on the server: a value without I/O.
///
/// A statement is known by its text and its parameters' types: the same text bound with other types is another statement to
/// the server. At most `limit` are kept; the one unused for longest gives way.
package struct PreparedStatements {
    package struct Key: Hashable, Sendable {
        let sql: String
        let types: [UInt32]

        package init(sql: String, types: [UInt32]) {
            self.sql = sql
            self.types = types
        }
    }

    package struct Use: Equatable {
        package let name: String
        /// The server must be told to parse it first.
        package let isNew: Bool
    }

    private var entries: [Key: (name: String, usedAt: UInt64)] = [:]
    private var clock: UInt64 = 0
    /// Names the server still keeps though nobody uses them any more.
    private var abandoned: [String] = []
    private let limit: Int
    private let prefix: String

    /// - Parameter prefix: starts the names; an identifier of its own for each connection. A pooler that does not track
    ///   statements hands one connection of the server to many, and under a name of another's would run what that other sent.
    package init(limit: Int, prefix: String) {
        precondition(limit > 0)
        self.prefix = prefix
        self.limit = limit
    }

    package var count: Int { entries.count }

    package mutating func use(_ key: Key) -> Use {
        clock += 1
        if let index = entries.index(forKey: key) {
            entries.values[index].usedAt = clock
            return Use(name: entries.values[index].name, isNew: false)
        }
        if entries.count >= limit, let oldest = entries.min(by: { $0.value.usedAt < $1.value.usedAt }) {
            entries[oldest.key] = nil
            abandoned.append(oldest.value.name)
        }
        let name = "\(prefix)_\(clock)"
        entries[key] = (name, clock)
        return Use(name: name, isNew: true)
    }

    /// The server refused to parse it, or does not know it any more.
    package mutating func forget(_ key: Key) { entries[key] = nil }

    /// It is on the server, but its plan is of no use any more.
    package mutating func abandon(_ key: Key) {
        if let entry = entries.removeValue(forKey: key) { abandoned.append(entry.name) }
    }

    /// Names to deallocate; the caller does it now or loses them.
    package mutating func takeAbandoned() -> [String] {
        defer { abandoned = [] }
        return abandoned
    }
}
