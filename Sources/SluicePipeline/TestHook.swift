internal import Glibc
package import SluiceCore
package import SluiceDocuments
package import SluiceQueue

/// The input of a task that does as it is told: to see a fleet cope with what handlers may do.
package struct TestHookInput: TaskInput {
    package static let kind = TaskKind(trusted: "test.hook")
    package static let queue = QueueName.maintenance
    package static let retry = RetryPolicy(maxAttempts: 5, base: .milliseconds(200), cap: .seconds(2))
    package static let timeout = Duration.seconds(120)
    package static let stallLimit: Duration? = .seconds(5)

    package enum Action: String, Codable, Sendable {
        /// Rests, and ends when it is told to.
        case sleep
        /// Rests, whatever it is told.
        case deaf
        /// Kills its process, as the kernel does when memory runs out.
        case kill
        /// Reports its progress all the time.
        case report
        /// Reports its progress once, and then rests.
        case stall
        /// Fails.
        case fail
    }

    package let action: Action
    /// For how long it rests or reports.
    package let milliseconds: Int

    package init(_ action: Action, milliseconds: Int = 0) {
        self.action = action
        self.milliseconds = milliseconds
    }
}

/// `test.hook`: registered only in a worker that `SLUICE_TEST_KINDS=1` stands for.
enum TestHook {
    static func perform(_ input: TestHookInput, _ context: AttemptContext) async throws -> AttemptOutcome {
        let length = Duration.milliseconds(input.milliseconds)
        switch input.action {
        case .sleep: try await Task.sleep(for: length)
        case .deaf:
            let end = Instant.now + length
            while Instant.now < end { try? await Task.sleep(until: min(end, .now + .milliseconds(50))) }
        case .kill:
            try await Task.sleep(for: length)
            Glibc.kill(getpid(), SIGKILL)
        case .report:
            let steps = max(1, input.milliseconds / 20)
            for step in 1...steps {
                context.progress(step, of: steps, "step \(step)")
                try await Task.sleep(for: .milliseconds(20))
            }
        case .stall:
            context.progress(1, of: 2, "about to rest")
            try await Task.sleep(for: length)
        case .fail: throw TaskFailure(errorClass: "test.failed", message: "as it was told to")
        }
        return .completed
    }
}

extension HandlerRegistry {
    /// Registers the kind with which fleets are tested.
    package mutating func registerTestHook() {
        register(TestHookInput.self) { try await TestHook.perform($0, $1) }
    }
}

/// Gates that measure nothing: to see a fleet rebuild indexes that are too small to be judged. Only in a worker that
/// `SLUICE_TEST_KINDS=1` stands for, by `SLUICE_TEST_GATES`.
package struct TestGates: IndexGates {
    private let verdict: GateVerdict

    package init?(_ verdict: String?) {
        guard let verdict = verdict.flatMap({ GateVerdict(rawValue: $0) }) else { return nil }
        self.verdict = verdict
    }

    package func judge(_ version: IndexVersionID) async throws -> GateVerdict { verdict }
}
