internal import SluiceCore
internal import SluicePostgres

extension PostgresErasureStore {
    private static let dropAttempts = 20
    /// For so long readers and writers of a version may be kept waiting by one that wants to drop a partition of it.
    private static let patience = [(name: "lock_timeout", value: "200")]

    /// Drops the tenant's own partitions, empty by now: their bounds say its name. Readers hold a version's table for one short
    /// transaction; whoever does not let this through within a moment is let pass, and it is tried again.
    ///
    /// - Throws: `PostgresError` `lockNotAvailable` when nobody let it through.
    static func dropPartitions(of tenant: TenantID, in store: Store) async throws {
        for partition in try await store.pool.query(PartitionStatements.naming(tenant)) {
            var attempt = 1
            while true {
                do {
                    try await drop(partition, in: store)
                    break
                } catch let error as PostgresError
                    where [.lockNotAvailable, .deadlock].contains(error.code) && attempt < dropAttempts
                {
                    attempt += 1
                    try await Task.sleep(for: .milliseconds(Int.random(in: 50...250)))
                }
            }
        }
    }

    private static func drop(_ partition: PartitionStatements.Partition, in store: Store) async throws {
        try await store.pool.transaction(settings: patience) { transaction in
            // The parent first, as everybody locks them.
            try await transaction.script(
                "LOCK TABLE ONLY \(quotedIdentifier(partition.parent)) IN ACCESS EXCLUSIVE MODE"
            )
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
