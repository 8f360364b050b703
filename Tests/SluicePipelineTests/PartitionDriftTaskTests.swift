import SluiceCore
import SluiceDocuments
import SluicePipeline
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import Testing

@Suite("Partitions that do not fit any more", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(3)))
struct PartitionDriftTaskTests {
    /// Enqueues `index.isolate` and performs it.
    private func isolate(_ payload: String, _ fixture: RebuildFixture) async throws {
        var pipeline = fixture.pipeline
        pipeline.tenantIndexes = PostgresTenantIndexes(fixture.base.store)
        let task = NewTask(
            tenant: .default,
            queue: .maintenance,
            kind: IsolateIndexInput.kind,
            payload: payload,
            priority: 0
        )
        _ = try await fixture.base.tasks.enqueue([task])
        #expect(try await fixture.base.performNext(.maintenance, pipeline: pipeline) == "completed")
    }

    @Test("said in an event, with numbers only; made anew where the payload wants it, and then they fit")
    func drift() async throws {
        try await RebuildFixture.run { fixture in
            try await fixture.ingest("big.txt", 0..<60, of: .big)
            try await fixture.ingest("mid.txt", 0..<20, of: .mid)
            try await fixture.ingest("small.txt", 0..<6, of: .small)
            let chunks = try await fixture.chunks()
            let above = (chunks["mid"] ?? 0) + 1
            let indexes = PostgresTenantIndexes(fixture.base.store)
            #expect(try await indexes.partitionDrift(of: try await fixture.live().id) == nil, "it has none")
            let change = IndexVersionChange(partitions: .by(PartitionPolicy(above: above, atMost: 2)))
            let version = try await fixture.rebuild(change)
            #expect(version.partitions == 1)
            _ = try await fixture.versions.swap(to: version.id, fence: nil)
            let events = "SELECT count(*) FROM index_events WHERE event = 'partitions outgrown'"
            try await isolate("{}", fixture)
            #expect(try await fixture.scalar(events) == 0)

            // One grows, one becomes small.
            try await fixture.ingest("more.txt", 100..<150, of: .mid)
            try await fixture.ingest("big.txt", 0..<3, of: .big)
            #expect(try await indexes.partitionDrift(of: version.id) == PartitionPolicy.Drift(due: 1, idle: 1))
            try await isolate("{}", fixture)
            #expect(try await fixture.live().id == version.id)
            #expect(try await fixture.scalar("SELECT count(*) FROM index_versions") == 2)
            #expect(try await fixture.scalar("\(events) AND detail::text ~ 'big|mid'") == 0)
            let said = try await fixture.scalar(events)
            #expect(said == 2)

            _ = fixture.base.embedder.takeEmbedded()
            try await isolate(#"{"rebuilds": true}"#, fixture)
            try await fixture.settle()
            let live = try await fixture.live()
            #expect(live.id != version.id && live.partitions == 1 && live.spec.partitions == version.spec.partitions)
            #expect(
                try await fixture.scalar(
                    "SELECT count(*) FROM index_partitions WHERE version_id = \(live.id) AND tenant_id = 'mid'"
                ) == 1
            )
            #expect(fixture.base.embedder.takeEmbedded().isEmpty, "no model is called")
            #expect(try await fixture.isWhole(live))
            try await isolate(#"{"rebuilds": true}"#, fixture)
            #expect(try await fixture.live().id == live.id)
            #expect(try await fixture.scalar(events) == said + 1)
        }
    }
}
