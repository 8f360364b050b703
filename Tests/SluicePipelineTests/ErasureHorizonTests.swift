import SluiceCore
import SluiceDocuments
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import Testing

@Suite("Erasures and what goes on beside them", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(5)))
struct ErasureHorizonTests {
    private static let tenant = TenantID(trusted: "acme-zq")

    private func makeTenant(_ fixture: PipelineFixture) async throws {
        let uri = try fixture.write("quetzal.txt", "The quetzal is a bird.")
        _ = try await fixture.request([uri], tenant: Self.tenant)
        try await fixture.drain()
    }

    /// Performs the erasure's task, which is to wait for transactions.
    private func expectWait(_ fixture: PipelineFixture) async throws {
        let verdict = try await fixture.perform(.maintenance, fixture.registry)
        guard case .snoozed(_, let reason)?? = verdict else {
            Issue.record("\(verdict as Any)")
            throw PipelineFixture.NotWritten()
        }
        #expect(reason.contains("transactions"))
    }

    private func finish(_ id: ErasureID, _ fixture: PipelineFixture) async throws {
        #expect(try await fixture.receipt(id)?.completedAt == nil)
        _ = try await fixture.store.pool.execute(Statement("UPDATE tasks SET run_at = now() WHERE state = 'scheduled'"))
        try await fixture.drain()
        #expect(try await fixture.receipt(id)?.completedAt != nil)
        #expect(try await fixture.tables(holding: ["acme-zq", "quetzal"]) == [])
    }

    private static let late = Statement<Void>(
        "INSERT INTO batches (tenant_id, label) VALUES ('acme-zq', 'a late quetzal')"
    )

    @Test("a transaction that began after the request's first statement, and before its commit, is waited for")
    func between() async throws {
        try await PipelineFixture.run { fixture in
            try await makeTenant(fixture)
            let id = try await fixture.erase(Self.tenant)
            // Of it nothing tells that it began before the commit: its number is above the request's.
            try await fixture.store.pool.transaction { transaction in
                try await transaction.execute(Statement("INSERT INTO tenants (id) VALUES ('older')"))
                try await expectWait(fixture)
                try await expectWaitAgain(fixture)
                try await transaction.execute(Self.late)
            }
            try await finish(id, fixture)
        }
    }

    private func expectWaitAgain(_ fixture: PipelineFixture) async throws {
        _ = try await fixture.store.pool.execute(Statement("UPDATE tasks SET run_at = now() WHERE state = 'scheduled'"))
        _ = try await fixture.tasks.promoteDue(limit: 10)
        try await expectWait(fixture)
    }

    @Test("a transaction that holds its snapshot from before the request, and has written nothing, is waited for")
    func snapshot() async throws {
        try await PipelineFixture.run { fixture in
            try await makeTenant(fixture)
            let id = try await fixture.store.pool.transaction(repeatableRead: true) { transaction in
                _ = try await transaction.query(
                    Statement("SELECT count(*) FROM tenants") { row throws(PostgresError) in try row.int64(0) }
                )
                let id = try await fixture.erase(Self.tenant)
                try await expectWait(fixture)
                try await expectWaitAgain(fixture)
                try await transaction.execute(Self.late)
                return id
            }
            try await finish(id, fixture)
        }
    }

    @Test("an erasure whose task was cancelled is finished when it is asked for again, by one task")
    func cancelled() async throws {
        try await PipelineFixture.run { fixture in
            try await makeTenant(fixture)
            let name = ErasureName(tenant: Self.tenant)
            let first = try await fixture.store.erase(.tenant(Self.tenant), name: name, who: "me@here")
            let task = try #require(first.task)
            #expect(try await fixture.store.erase(.tenant(Self.tenant), name: name, who: "me@here").task == nil)
            _ = try await fixture.store.cancel(TaskFilter(ids: [task.id]), reason: "by mistake")
            let again = try await fixture.store.erase(.tenant(Self.tenant), name: name, who: "me@here")
            let second = try #require(again.task)
            #expect(again.id == first.id && second.id != task.id)
            #expect(try await fixture.receipt(first.id)?.task == second.id)
            #expect(try await fixture.store.erase(.tenant(Self.tenant), name: name, who: "me@here").task == nil)
            try await finish(first.id, fixture)
        }
    }

    @Test("a table that is being vacuumed or indexed holds no erasure up, nor the refresh of statistics")
    func analyze() async throws {
        try await PipelineFixture.run { fixture in
            try await makeTenant(fixture)
            try await fixture.store.pool.transaction { transaction in
                try await transaction.script("LOCK TABLE documents, chunks IN SHARE UPDATE EXCLUSIVE MODE")
                let id = try await fixture.erase(Self.tenant)
                try await fixture.drain()
                #expect(try await fixture.receipt(id)?.completedAt != nil)
                _ = try await PostgresUpkeepStore(fixture.store).refreshStatistics()
            }
        }
    }
}
