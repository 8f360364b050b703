package import SluiceCore
package import SluiceDocuments
internal import SluicePostgres

extension PostgresTenantIndexes {
    /// Reads what the documents of an index say of their chunks, a row a document.
    package func partitionDrift(of version: IndexVersionID) async throws -> PartitionPolicy.Drift? {
        guard let record = try await store.pool.query(VersionStatements.one(version)).first,
            let policy = record.spec.partitions
        else { return nil }
        let holders = try await store.pool.query(PartitionStatements.holders(version))
        let tenants = try await store.pool.query(
            PartitionStatements.large(record.index, above: policy.above / 2),
            settings: Self.unhurried
        )
        let drift = policy.drift(of: holders, among: tenants)
        if !drift.isNone {
            // Numbers only: events outlive tenants.
            let detail = "{\"due\": \(drift.due), \"idle\": \(drift.idle), \"partitions\": \(holders.count)}"
            try await store.pool.execute(IndexStatements.event(version, "partitions outgrown", detail: detail))
        }
        return drift
    }
}
