import SluiceCore
import SluiceQueue
import SluiceTestKit
import Testing

@Suite("The log of a worker", .timeLimit(.minutes(1)))
struct WorkerLogTests {
    @Test("classes of errors, and of no verdict the sentence that it came with")
    func sentences() async throws {
        let store = MemoryTaskStore()
        let log = KeptLog()
        _ = try await store.enqueue(try probes(6))
        @Sendable func failure(_ name: String) -> TaskFailure {
            TaskFailure(errorClass: name, message: "of tenant acme-zq")
        }
        try await withWorker(
            store,
            nil,
            logger: log.logger,
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
