import Logging
import SluiceCore
import SluiceQueue
import SluiceTestKit
import Synchronization
import Testing

@Suite("The log of a worker", .timeLimit(.minutes(1)))
struct WorkerLogTests {
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

        func log(event: LogEvent) { log.add("\(event.message) \(event.metadata ?? [:])") }
    }

    @Test("classes of errors, and of no verdict the sentence that it came with")
    func sentences() async throws {
        let store = MemoryTaskStore()
        let log = Log()
        _ = try await store.enqueue(try probes(6))
        @Sendable func failure(_ name: String) -> TaskFailure {
            TaskFailure(errorClass: name, message: "of tenant acme-zq")
        }
        try await withWorker(
            store,
            nil,
            logger: Logger(label: "test") { _ in Handler(log) },
            perform: { input, _ in
                switch input.number {
                case 0: return .cancelled(reason: "acme-zq wants it")
                case 1: return .dead(failure("was.dead"))
                case 2: return .snoozed(for: .seconds(3_600), reason: "acme-zq is busy")
                case 3: return .declined(failure("was.declined"))
                case 4: throw failure("was.thrown")
                default: return .completed
                }
            }
        ) { _ in
            try await eventually("all have a verdict") {
                ["cancelled", "dead", "snoozed", "declined", "failed, will retry", "completed"]
                    .allSatisfy(log.text.contains)
            }
        }
        #expect(!log.text.contains("acme-zq"), "\(log.text)")
        #expect(["was.dead", "was.declined", "was.thrown"].allSatisfy(log.text.contains))
    }
}
