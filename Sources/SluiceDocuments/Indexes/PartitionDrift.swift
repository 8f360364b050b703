package import SluiceCore

extension PartitionPolicy {
    /// How far the partitions of a version are from what a rebuild would make today.
    package struct Drift: Sendable, Equatable {
        /// Tenants without a partition that have outgrown what others share.
        package let due: Int
        /// Tenants with one that have become small.
        package let idle: Int

        package init(due: Int, idle: Int) {
            self.due = due
            self.idle = idle
        }

        package var isNone: Bool { due == 0 && idle == 0 }
    }

    /// Says nothing of tenants about the border: who is a quarter above it is due one, and beside others that have all that may be, a
    /// quarter larger than the smallest of them; who has no more than half is idle. So a rebuild is not followed by the wish for
    /// another.
    ///
    /// - Parameters:
    ///   - holders: who has a partition.
    ///   - tenants: all with more than half of `above`; more do no harm.
    package func drift(of holders: [TenantID], among tenants: [Tenant]) -> Drift {
        let held = Set(holders)
        let sizes = Dictionary(tenants.map { ($0.id, $0.chunks) }) { max($0, $1) }
        let idle = held.count { sizes[$0, default: 0] <= above / 2 }
        let smallest = held.count < atMost ? above : max(above, held.map { sizes[$0, default: 0] }.min() ?? above)
        let due = chosen(among: tenants).count { tenant in
            !held.contains(tenant.id) && tenant.chunks - smallest > smallest / 4
        }
        return Drift(due: due, idle: idle)
    }
}
