package import Logging
package import SluiceCore
package import SluicePostgres

/// PostgreSQL as the fleet sees it: a pool whose sessions see all tenants, in one schema.
///
/// Row-level security binds these sessions too: they see rows because their scope is `*`, set with the start-up packet or,
/// behind a pooler, as the role's default. Calls on behalf of one tenant narrow the scope with `inTenant`.
package final class Store: Sendable {
    package let pool: PostgresPool
    package let schema: String
    let logger: Logger
    /// What payloads are sealed with when they are stored and opened with when they are claimed.
    package let payloadKeys: PayloadKeys

    /// Makes the pool; connects when first used.
    package init(
        configuration: PostgresConfiguration,
        schema: String,
        payloadKeys: PayloadKeys = .none,
        logger: Logger
    ) {
        var configuration = configuration
        configuration.settings["search_path"] = "\(schema),public"
        configuration.settings["sluice.tenant"] = "*"
        // A plan that was cached while the hot table was empty reads all of it when it is full, until somebody analyses it:
        // seconds a statement. Planning costs a part of a millisecond, and the statements that matter work on batches.
        configuration.settings["plan_cache_mode"] = "force_custom_plan"
        pool = PostgresPool(configuration)
        self.schema = schema
        self.payloadKeys = payloadKeys
        self.logger = logger
    }

    /// A transaction that sees one tenant's rows and no other's.
    package func inTenant<Value: Sendable>(
        _ tenant: TenantID,
        readOnly: Bool = false,
        settings: [(name: String, value: String)] = [],
        _ body: (PostgresTransaction) async throws -> Value
    ) async throws -> Value {
        try await pool.transaction(
            readOnly: readOnly,
            settings: [("sluice.tenant", tenant.rawValue)] + settings,
            body
        )
    }

    package func close() { pool.close() }
}
