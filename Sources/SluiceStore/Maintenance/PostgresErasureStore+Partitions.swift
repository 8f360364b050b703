internal import SluiceCore
internal import SluicePostgres

extension PostgresErasureStore {
    /// Drops the tenant's own partitions, empty by now: their bounds say its name. Others read and write the version meanwhile.
    ///
    /// - Throws: `PostgresError` `lockNotAvailable` when nobody let it through.
    static func dropPartitions(of tenant: TenantID, in store: Store) async throws {
        for partition in try await store.pool.query(PartitionStatements.naming(tenant)) {
            try await drop(partition, in: store)
        }
    }

    private static func drop(_ partition: PartitionStatements.Partition, in store: Store) async throws {
        // The one that all others share is locked too, for what it may hold from now on.
        let tables = [partition.parent, partition.table, partition.parent + "_p0"]
        try await store.seize(.accessExclusive, on: tables) { transaction in
            // Nobody writes to it from here on; nobody else waits while it is read. All that it held may still have to be passed.
            try await transaction.script("LOCK TABLE \(quotedIdentifier(partition.table)) IN SHARE MODE")
            guard try await transaction.query(PartitionStatements.isEmpty(partition.table)).first == true else {
                throw TaskFailure(
                    errorClass: "erasure.rows_came",
                    message:
                        "rows of the tenant came to \(partition.table) while it was to be dropped; it is emptied again"
                )
            }
            try await transaction.script("DROP TABLE \(quotedIdentifier(partition.table))")
        }
    }
}
