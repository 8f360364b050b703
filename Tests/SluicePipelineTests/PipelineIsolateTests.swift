import SluiceCore
import SluiceDocuments
import SluicePipeline
import SluiceQueue
import SluiceServerKit
import SluiceStore
import Testing

@Suite("Indexes of single tenants as a task", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(1)))
struct PipelineIsolateTests {
    private func enqueue(_ payload: String, _ fixture: PipelineFixture) async throws {
        let task = NewTask(
            tenant: .default,
            queue: .maintenance,
            kind: IsolateIndexInput.kind,
            payload: payload
        )
        _ = try await fixture.tasks.enqueue([task])
    }

    @Test("live versions are brought to what the policy wants, and an index that is not there is nothing to do")
    func performs() async throws {
        try await PipelineFixture.run { fixture in
            _ = try await fixture.ingest(try fixture.write("a.txt", "A line tells of a matter.\n"))
            var pipeline = fixture.pipeline
            let policy = TenantIndexPolicy(partialFrom: 1, partialUntil: 1, shareAtMost: 1)
            pipeline.tenantIndexes = PostgresTenantIndexes(fixture.store, policy: policy)
            let indexes =
                "SELECT count(*) FROM pg_indexes WHERE indexname LIKE '%hnsw_t%' AND schemaname = current_schema()"
            for payload in [#"{"index": "elsewhere"}"#, "{}", #"{"index": "default"}"#] {
                try await enqueue(payload, fixture)
                #expect(try await fixture.performNext(.maintenance, pipeline: pipeline) == "completed")
                #expect(try await fixture.count(indexes) == (payload.contains("elsewhere") ? 0 : 1))
            }
            try await enqueue(#"{"index": "No Name"}"#, fixture)
            #expect(try await fixture.performNext(.maintenance, pipeline: pipeline) == "dead")
            #expect(try await fixture.deadLetters().map(\.errorClass) == ["payload.invalid"])
        }
    }
}
