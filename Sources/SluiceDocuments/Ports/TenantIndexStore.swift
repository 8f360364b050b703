package import SluiceCore

/// HNSW indexes of single tenants in a version, as `TenantIndexPolicy` wants them.
package protocol TenantIndexStore: Sendable {
    /// The live version of an index, or of every one. Empty when there is no such index.
    func liveVersions(of index: IndexName?) async throws -> [IndexVersionID]
    /// Builds and drops until the version is as the policy wants it, beside searches and ingests. Blocks a connection while it builds, hours
    /// where tenants are very large. What was cut off is done by the next call.
    ///
    /// - Returns: what was done, and what stays.
    func apply(_ version: IndexVersionID) async throws -> TenantIndexPolicy.Plan
    /// How far the version's partitions are from what a rebuild would make today; writes an event when they are. Nil: it has none.
    func partitionDrift(of version: IndexVersionID) async throws -> PartitionPolicy.Drift?
}
