import SluiceCore
import SluiceDocuments
import SluicePipeline
import SluicePostgres
import SluiceServerKit
import SluiceStore
import Testing

/// What readers asked is forgotten with the tenant, and with the document that it names.
@Suite(.enabled(if: TestServers.arePresent)) struct QuestionErasureTests {
    @Test("questions of a tenant go with it, those that name a document go with that")
    func both() async throws {
        try await PipelineFixture.run { fixture in
            let (acme, other) = (TenantID(trusted: "acme-zq"), TenantID(trusted: "other"))
            let file = try fixture.write("quetzal.txt", "The quetzal is a bird.")
            _ = try await fixture.request([file], tenant: acme)
            _ = try await fixture.request([file], tenant: other)
            try await fixture.drain()
            _ = try await PostgresQuestionStore(fixture.store).setQuestionLog(
                QuestionLogPolicy(),
                of: fixture.index.name
            )
            try await fixture.store.pool.execute(
                Statement(
                    """
                    INSERT INTO questions (index_id, tenant_id, day, query, mode)
                    SELECT index_id, tenant, current_date, asked, 'dense'
                    FROM question_logs, unnest($1::text[]) AS tenant, unnest($2::text[]) AS asked
                    """,
                    [.textArray([acme.rawValue, other.rawValue]), .textArray(["what flies", "what says \(file)?"])]
                )
            )
            let tenant = try await fixture.erase(acme)
            let document = try await fixture.erase(file, other)
            try await fixture.drain()
            let left = try await PostgresQuestionStore(fixture.store)
                .questions(of: fixture.index.name, tenant: nil, limit: 10)
            #expect(left.map(\.tenant) == [other] && left.map(\.text) == ["what flies"])
            for (id, count) in [(tenant, 2), (document, 1)] {
                let receipt = try #require(try await fixture.receipt(id))
                #expect(receipt.counts.first { $0.table == "questions" }?.rows == count, "\(receipt.counts)")
            }
        }
    }
}
