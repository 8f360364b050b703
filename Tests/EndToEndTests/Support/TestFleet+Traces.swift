import SluicePostgres
import SluiceRedis
import SluiceServerKit
import SluiceStore
import Testing

/// Where something of a tenant may be left.
extension TestFleet {
    private func names(withTenant: Bool, _ body: (PostgresPool, String) async throws -> Void) async throws {
        let store = try TestServers.store(schema: schema, poolSize: 2)
        defer { store.close() }
        let names = try await store.pool.query(
            Statement(
                """
                SELECT relname FROM pg_class AS class
                WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND (NOT $1 OR EXISTS (
                    SELECT FROM pg_attribute WHERE attrelid = class.oid AND attname = 'tenant_id'
                ))
                ORDER BY relname
                """,
                [.bool(withTenant)]
            ) { row throws(PostgresError) in try row.text(0) }
        )
        for name in names { try await body(store.pool, name) }
    }

    /// Tables of the schema with one of the words, in lower case, in any row read as text.
    func tables(holding words: [String]) async throws -> [String] {
        var found: [String] = []
        try await names(withTenant: false) { pool, name in
            let count = try await pool.query(
                Statement(
                    """
                    SELECT count(*) FROM "\(name)" AS found
                    WHERE EXISTS (SELECT FROM unnest($1::text[]) AS word WHERE strpos(lower(found::text), word) > 0)
                    """,
                    [.textArray(words)]
                ) { row throws(PostgresError) in try row.int64(0) }
            )
            if count.first != 0 { found.append(name) }
        }
        return found
    }

    /// How many rows of the tenant each table has.
    func rows(of tenant: String) async throws -> [String: Int64] {
        var rows: [String: Int64] = [:]
        try await names(withTenant: true) { pool, name in
            rows[name] = try await pool.query(
                Statement("SELECT count(*) FROM \"\(name)\" WHERE tenant_id = $1", [.text(tenant)]) {
                    row throws(PostgresError) in try row.int64(0)
                }
            ).first
        }
        return rows
    }

    /// All keys of the fleet in Redis, each with all that it holds.
    func keys() async throws -> [String] {
        let url = try #require(TestServers.redisURL)
        let client = RedisClient(try RedisConfiguration(url: url))
        defer { client.close() }
        let keys = try await client.command(["KEYS", .text("*\(prefix)*")]).elements ?? []
        var all: [String] = []
        for key in keys.compactMap(\.text) {
            // Keys expire while this reads: of one that is gone nothing is left to be found.
            let dump: [RedisCommand] = [
                ["LRANGE", .text(key), 0, -1], ["SMEMBERS", .text(key)], ["HGETALL", .text(key)],
                ["GET", .text(key)],
            ]
            let values = try await client.pipeline(dump).compactMap { try? $0.orThrow() }
            all.append("\(key) \(values)")
        }
        return all
    }
}
