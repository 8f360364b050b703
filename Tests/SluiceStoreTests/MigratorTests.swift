import SluiceCore
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import Testing

@Suite("Migrations", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(2)))
struct MigratorTests {
    private func relations(_ store: Store) async throws -> [String] {
        try await store.pool.query(
            Statement(
                """
                SELECT relname::text FROM pg_class WHERE relnamespace = to_regnamespace($1) AND relkind IN ('r', 'p', 'S')
                UNION ALL
                SELECT proname::text FROM pg_proc WHERE pronamespace = to_regnamespace($1) ORDER BY 1
                """,
                [.text(store.schema)]
            ) { row throws(PostgresError) in try row.text(0) }
        )
    }

    @Test("each can be taken back, down to an empty schema, and applied again to the same result")
    func downAndUp() async throws {
        try await withTestStore { store in
            let migrator = Migrator(store)
            let whole = try await relations(store)
            var versions: [Int] = []
            while let step = try await migrator.revertLast() { versions.append(step.version) }
            #expect(!versions.isEmpty && versions == versions.sorted(by: >))
            #expect(try await relations(store) == ["schema_migrations"])
            #expect(try await migrator.migrate().map(\.version) == versions.reversed())
            #expect(try await relations(store) == whole)
            #expect(try await migrator.migrate().isEmpty, "nothing is left to do")
        }
    }

    @Test("every table with a tenant_id is under forced row-level security")
    func isolation() async throws {
        try await withTestStore { store in
            let open = try await store.pool.query(
                Statement(
                    """
                    SELECT relname::text FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
                    WHERE relnamespace = to_regnamespace($1) AND relkind IN ('r', 'p') AND attname = 'tenant_id'
                        AND NOT (relrowsecurity AND relforcerowsecurity)
                    """,
                    [.text(store.schema)]
                ) { row throws(PostgresError) in try row.text(0) }
            )
            #expect(open == [])
        }
    }

    @Test("a worker without a valid lease, or never heard of, is gone")
    func gone() async throws {
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            let (live, lapsed, unknown) = (WorkerID.random(), WorkerID.random(), WorkerID.random())
            for (id, lease) in [(live, Duration.seconds(60)), (lapsed, .zero)] {
                try await tasks.register(
                    WorkerRegistration(
                        id: id,
                        role: .worker,
                        host: "test",
                        pid: 1,
                        version: "0",
                        queues: [.ingestion],
                        concurrency: 1,
                        leaseLength: lease
                    )
                )
            }
            let gone = try await tasks.goneWorkers(among: [live, lapsed, unknown])
            #expect(Set(gone) == [lapsed, unknown])
            #expect(try await tasks.goneWorkers(among: []).isEmpty)
        }
    }
}
