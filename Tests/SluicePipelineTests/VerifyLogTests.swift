import SluiceCore
import SluiceDocuments
import SluicePipeline
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("What is logged of an index that drifted", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(1)))
struct VerifyLogTests {
    private struct Drifted: DriftCheck {
        func drift(of index: IndexName?) async throws -> [Drift] {
            let recall = Gate(
                .recall,
                .failed,
                measured: 0.81,
                threshold: 0.95,
                "tenant 'acme-zq' has 0.62; 200 questions",
                figures: [GateFigure("recall", 0.62, slice: "acme-zq")]
            )
            return [Drift(run: 7, index: .default, number: 3, verdict: .noGo, gates: [recall])]
        }
    }

    @Test("gates by name and number, no tenant")
    func names() async throws {
        try await PipelineFixture.run { fixture in
            var pipeline = fixture.pipeline
            pipeline.drift = Drifted()
            // The index's own tasks come first.
            try await fixture.performAll()
            _ = try await fixture.tasks.enqueue([
                NewTask(tenant: .default, queue: .maintenance, kind: VerifyIndexInput.kind, payload: "{}")
            ])
            let task = try #require(
                try await fixture.tasks.claimNext(queue: .maintenance, limit: 1, worker: fixture.worker).first
            )
            var registry = HandlerRegistry()
            registry.registerPipeline(pipeline, queues: [.maintenance])
            let handler = try #require(registry.handler(for: task.kind))
            let log = KeptLog()
            _ = try await handler.perform(task, AttemptContext(task: task, logger: log.logger))
            #expect(log.text.contains("recall failed: 0.81, wanted 0.95"), "\(log.text)")
            #expect(!log.text.contains("acme"))
        }
    }
}
