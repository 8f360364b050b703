package import SluiceCore

/// An erasure: one tenant, or one document, to be forgotten; afterwards the receipt of it.
package struct ErasureID: RowID {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
}

/// What an erasure is to remove. Names are there only while it is under way.
package enum ErasureSubject: Sendable, Equatable {
    case tenant(TenantID)
    case document(DocumentID, tenant: TenantID, uri: String)

    package var tenant: TenantID {
        switch self {
        case .tenant(let tenant): tenant
        case .document(_, let tenant, _): tenant
        }
    }
}

/// An erasure under way.
package struct Erasure: Sendable {
    package let id: ErasureID
    package let subject: ErasureSubject
    /// All tables have been gone through once.
    package let hasPassed: Bool

    package init(id: ErasureID, subject: ErasureSubject, hasPassed: Bool) {
        self.id = id
        self.subject = subject
        self.hasPassed = hasPassed
    }
}

/// One table to go through, and how. Made by the store that understands it.
package struct ErasureStep: Sendable, Equatable {
    package enum Way: Sendable, Equatable {
        /// What is left is found by an index, from the beginning each time.
        case byIndex
        /// Through the whole table, so many pages long, once.
        case byPages(Int64)
    }

    /// What is counted on the receipt: a table's name.
    package let name: String
    /// Tells apart steps of one table.
    package let action: String
    package let way: Way

    package init(name: String, action: String, way: Way) {
        self.name = name
        self.action = action
        self.way = way
    }
}

/// What one batch of a step came to.
package struct ErasureBatch: Sendable, Equatable {
    package let removed: Int
    /// Where the next batch begins; nil: the step is through.
    package let next: Int64?

    package init(removed: Int, next: Int64?) {
        self.removed = removed
        self.next = next
    }
}

/// Why an erasure cannot be completed yet.
package enum ErasureWait: Sendable, Equatable {
    /// Tasks of the subject that still run; they have been told to stop.
    case running(Int)
    /// Transactions that do not see that the erasure was asked for may still write.
    case olderTransactions

    package var reason: String {
        switch self {
        case .running(let count): "\(count) tasks that touch it still run and have been told to stop"
        case .olderTransactions: "transactions that began before it are still open"
        }
    }
}
