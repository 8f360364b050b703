internal import FoundationEssentials
package import Logging
package import SluiceCore

/// What a handler may know of its attempt.
package struct AttemptContext: Sendable {
    package let task: ClaimedTask
    package let logger: Logger

    package init(task: ClaimedTask, logger: Logger) {
        self.task = task
        self.logger = logger
    }

    package var fence: Fence { task.fence }
    package var tenant: TenantID { task.tenant }
    package var batch: BatchID? { task.batch }
    /// True for the last attempt that the task has.
    package var isLastAttempt: Bool { task.attempt >= task.maxAttempts }
}

/// An error that says itself how it is to be stored and counted.
package protocol TaskFailureConvertible: Error {
    var taskFailure: TaskFailure { get }
}

/// Handlers by kind. Built once at start, then a constant.
package struct HandlerRegistry: Sendable {
    package typealias Perform = @Sendable (ClaimedTask, AttemptContext) async throws -> AttemptOutcome

    package struct Handler: Sendable {
        package let payloadVersion: Int
        package let retry: RetryPolicy
        package let perform: Perform
    }

    private var handlers: [TaskKind: Handler] = [:]

    package init() {}

    package mutating func register<Input: TaskInput>(
        _: Input.Type,
        perform: @escaping @Sendable (Input, AttemptContext) async throws -> AttemptOutcome
    ) {
        precondition(handlers[Input.kind] == nil, "kind '\(Input.kind)' is registered twice")
        handlers[Input.kind] = Handler(payloadVersion: Input.payloadVersion, retry: Input.retry) { task, context in
            let input: Input
            do {
                input = try JSONDecoder().decode(Input.self, from: Data(task.payload.utf8))
            } catch {
                return .dead(
                    TaskFailure(
                        errorClass: "payload.invalid",
                        message: "the payload does not fit kind '\(task.kind)', version \(task.payloadVersion); "
                            + "whoever enqueued it sent something else"
                    )
                )
            }
            return try await perform(input, context)
        }
    }

    package func handler(for kind: TaskKind) -> Handler? { handlers[kind] }
    package var kinds: [TaskKind] { handlers.keys.sorted() }
}
