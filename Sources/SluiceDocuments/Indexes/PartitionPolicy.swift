package import SluiceCore

/// Which tenants have a partition of their own in an index version. A pure value.
///
/// The partitions are made with the version's table and no row ever moves from one to another: a tenant that grew, shrank or came
/// later gets its place from the next rebuild.
package struct PartitionPolicy: Sendable, Equatable {
    package static let defaultAtMost = 64
    /// Statements that name no tenant look into every partition: so they stay few.
    package static let limits = 1...256

    /// Tenants with more chunks get one; at least 1.
    package var above: Int
    /// The largest so many of them, 1...256.
    package var atMost: Int

    package init(above: Int, atMost: Int = PartitionPolicy.defaultAtMost) {
        self.above = above
        self.atMost = atMost
    }

    /// A tenant and its chunks in the index.
    package struct Tenant: Sendable, Equatable {
        package let id: TenantID
        package let chunks: Int

        package init(_ id: TenantID, chunks: Int) {
            self.id = id
            self.chunks = chunks
        }
    }

    /// Who gets a partition, the largest first; equally large ones by name.
    package func chosen(among tenants: [Tenant]) -> [Tenant] {
        let large = tenants.filter { $0.chunks > above }
        let ordered = large.sorted { ($1.chunks, $0.id.rawValue) < ($0.chunks, $1.id.rawValue) }
        return Array(ordered.prefix(atMost))
    }

    /// What makes it impossible; nil: nothing.
    var problem: String? {
        if above < 1 { return "tenants with more than 1 chunk or more may have a partition of their own, not \(above)" }
        if !Self.limits.contains(atMost) {
            return "partitions must be at most \(Self.limits.lowerBound) to \(Self.limits.upperBound), not \(atMost)"
        }
        return nil
    }
}

/// What a rebuild is to change of the partitions.
package enum PartitionChange: Sendable, Equatable {
    /// One table for all tenants.
    case none
    case by(PartitionPolicy)

    /// - Parameters:
    ///   - above: as people and payloads say it: 0 is no partitions at all.
    ///   - atMost: nil: the default. Says nothing without `above`, and then there is no change to be made of it: nil.
    package init?(above: Int?, atMost: Int?) {
        guard let above else { return nil }
        self = above == 0 ? .none : .by(PartitionPolicy(above: above, atMost: atMost ?? PartitionPolicy.defaultAtMost))
    }

    var policy: PartitionPolicy? {
        switch self {
        case .none: nil
        case .by(let policy): policy
        }
    }
}
