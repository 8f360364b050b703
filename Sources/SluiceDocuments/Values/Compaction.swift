/// What the server knows of one table and its indexes.
package struct RelationFacts: Sendable, Equatable {
    package struct Index: Sendable, Equatable {
        package let name: String
        package let bytes: Int64
        /// What an index of so many rows takes when it is new; nil where that cannot be told.
        package let expectedBytes: Int64?
        /// Deletes leave holes in its graph or its lists that only a new build closes: HNSW.
        package let isGraph: Bool

        package init(name: String, bytes: Int64, expectedBytes: Int64?, isGraph: Bool) {
            self.name = name
            self.bytes = bytes
            self.expectedBytes = expectedBytes
            self.isGraph = isGraph
        }
    }

    package let table: String
    package let liveRows: Int64
    package let deadRows: Int64
    package let bytes: Int64
    package let indexes: [Index]

    package init(table: String, liveRows: Int64, deadRows: Int64, bytes: Int64, indexes: [Index]) {
        self.table = table
        self.liveRows = liveRows
        self.deadRows = deadRows
        self.bytes = bytes
        self.indexes = indexes
    }

    /// Of all rows, 0...1.
    package var deadShare: Double {
        liveRows + deadRows > 0 ? Double(deadRows) / Double(liveRows + deadRows) : 0
    }
}

/// One thing to do to a table or an index.
package enum CompactionStep: Sendable, Equatable {
    case reindex(String, table: String)
    case vacuum(String)

    package var relation: String {
        switch self {
        case .reindex(let index, _): index
        case .vacuum(let table): table
        }
    }
}

/// From when on rebuilding and vacuuming are worth it. A pure value.
package struct CompactionPolicy: Sendable, Equatable {
    /// Of a table's rows.
    package var deadShare: Double
    package var leastDeadRows: Int64
    /// Bytes of an index for each one of a new index.
    package var growth: Double
    package var leastIndexBytes: Int64

    package init(
        deadShare: Double = 0.1,
        leastDeadRows: Int64 = 1_000,
        growth: Double = 1.5,
        leastIndexBytes: Int64 = 16 << 20
    ) {
        self.deadShare = deadShare
        self.leastDeadRows = leastDeadRows
        self.growth = growth
        self.leastIndexBytes = leastIndexBytes
    }

    /// A graph is built anew before its table is vacuumed: a vacuum mends the graph around every dead element, one after the
    /// other, which takes longer than a build and leaves it worse. The new one holds no dead elements, and the vacuum after it
    /// has nothing to mend.
    package func steps(_ relations: [RelationFacts]) -> [CompactionStep] {
        relations.flatMap { relation in
            let isDirty = relation.deadRows >= leastDeadRows && relation.deadShare >= deadShare
            var steps = relation.indexes.filter { index in
                if isDirty && index.isGraph { return true }
                guard let expected = index.expectedBytes, index.bytes >= leastIndexBytes else { return false }
                return Double(index.bytes) > Double(max(expected, 1)) * growth
            }.map { CompactionStep.reindex($0.name, table: relation.table) }
            if isDirty { steps.append(.vacuum(relation.table)) }
            return steps
        }
    }
}

/// Hours of the day, in UTC, in which heavy work does least harm: `1-5` are those from 01:00 to 05:00, `22-4` go over midnight,
/// `0-24` are all.
package struct QuietHours: Sendable, Equatable, CustomStringConvertible {
    package let from: Int
    package let to: Int

    package static let always = QuietHours(unchecked: 0, 24)

    /// Nil unless it is two hours, 0 to 24, that differ.
    package init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let from = Int(parts[0]), let to = Int(parts[1]), (0...23).contains(from),
            (0...24).contains(to), from != to, !(from == 0 && to == 0)
        else { return nil }
        self.init(unchecked: from, to)
    }

    private init(unchecked from: Int, _ to: Int) {
        self.from = from
        self.to = to
    }

    /// How long until they begin; zero within them.
    ///
    /// - Parameter time: seconds since 1970-01-01 UTC.
    package func wait(at time: Int64) -> Duration {
        let second = ((time % 86_400) + 86_400) % 86_400
        let (start, end) = (Int64(from) * 3_600, Int64(to) * 3_600)
        let isOpen = start < end ? second >= start && second < end : second >= start || second < end
        if isOpen { return .zero }
        return .seconds(second < start ? start - second : start + 86_400 - second)
    }

    package var description: String { "\(from)-\(to)" }
}
