import Logging
import SluiceCore
import SluiceDocuments
import SluicePipeline
import SluiceQueue
import SluiceServerKit
import SluiceStore
import Synchronization
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

    /// Keeps what is logged, as text.
    private final class Log: Sendable {
        private let lines = Mutex<[String]>([])
        var text: String { lines.withLock { $0.joined(separator: "\n") } }
        func add(_ line: String) { lines.withLock { $0.append(line) } }
    }

    private struct Handler: LogHandler {
        let log: Log
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        init(_ log: Log) { self.log = log }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            log.add("\(event.message) \(event.metadata ?? [:])")
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
            let log = Log()
            let logger = Logger(label: "test") { _ in Handler(log) }
            _ = try await handler.perform(task, AttemptContext(task: task, logger: logger))
            #expect(log.text.contains("recall failed: 0.81, wanted 0.95"), "\(log.text)")
            #expect(!log.text.contains("acme"))
        }
    }
}
