/// A row's number in one table, as its own type so that ids of different tables cannot be mixed up.
///
/// Positive, given by PostgreSQL (`bigint` identity), never reused.
package protocol RowID: RawRepresentable, Hashable, Comparable, Sendable, Codable, CustomStringConvertible
where RawValue == Int64 {
    init(rawValue: Int64)
}

extension RowID {
    package init(_ rawValue: Int64) { self.init(rawValue: rawValue) }

    /// Reads the decimal form that `description` writes; nil for anything else and for numbers below 1.
    package init?(text: some StringProtocol) {
        guard let value = Int64(text), value > 0 else { return nil }
        self.init(rawValue: value)
    }

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    package var description: String { String(rawValue) }
}

/// A task: a stored unit of work.
package struct TaskID: RowID {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
}

/// A batch: tasks that are counted together.
package struct BatchID: RowID {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
}

/// A document: one source URI of one tenant in one index.
package struct DocumentID: RowID {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
}

/// One state of a document's content.
package struct DocumentVersionID: RowID {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
}

/// A chunk of a document's live version.
package struct ChunkID: RowID {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
}

/// An index: a name under which chunks are searched.
package struct IndexID: RowID {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
}

/// One physical form of an index; its number is also the suffix of its table, `embeddings_g<id>`.
package struct IndexVersionID: RowID {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
}

/// The fence of one claim: from a sequence that never goes back, unlike the attempt number, which is refunded.
package struct LeaseToken: RowID {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
}
