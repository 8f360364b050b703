internal import FoundationEssentials
package import Logging
package import SluiceCore

/// What a handler may know of its attempt.
package struct AttemptContext: Sendable {
    package let task: ClaimedTask
    private let workerLogger: Logger
    private let report: (@Sendable (ProgressReport) -> Void)?

    package init(task: ClaimedTask, logger: Logger, report: (@Sendable (ProgressReport) -> Void)? = nil) {
        self.task = task
        workerLogger = logger
        self.report = report
    }

    /// Says how far the attempt is, for operators, and that it is alive, for kinds with a stall limit. Cheap: the newest word
    /// is stored about once a second, and nothing is when the lease was lost.
    ///
    /// - Parameters:
    ///   - total: nil when it cannot be known.
    ///   - message: at most 200 characters; no document text, no secrets.
    package func progress(_ done: Int, of total: Int? = nil, _ message: String? = nil) {
        report?(ProgressReport(fence: fence, done: done, total: total, message: message))
    }

    /// Names the attempt by numbers alone: logs must not have to be searched when a tenant is forgotten. Made anew with each call: most attempts log nothing, and a copy with metadata allocates.
    package var logger: Logger {
        var logger = workerLogger
        logger[metadataKey: "task.id"] = "\(task.id)"
        logger[metadataKey: "task.kind"] = "\(task.kind)"
        logger[metadataKey: "queue"] = "\(task.queue)"
        logger[metadataKey: "attempt"] = "\(task.attempt)"
        return logger
    }

    /// True when the attempt should end soon: its lease is lost, its time is up, or the worker drains. Handlers that
    /// compute for long ask now and then, and throw `CancellationError`.
    package var isCancelled: Bool { Task.isCancelled }
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
        package let rules: RetryRules
        package let stallLimit: Duration?
        package let perform: Perform
    }

    private var handlers: [TaskKind: Handler] = [:]

    package init() {}

    package mutating func register<Input: TaskInput>(
        _: Input.Type,
        perform: @escaping @Sendable (Input, AttemptContext) async throws -> AttemptOutcome
    ) {
        precondition(handlers[Input.kind] == nil, "kind '\(Input.kind)' is registered twice")
        // One for the kind: making one costs more than a small payload. Decoding does not change it.
        let decoder = JSONDecoder()
        handlers[Input.kind] = Handler(
            payloadVersion: Input.payloadVersion,
            retry: Input.retry,
            rules: Input.rules,
            stallLimit: Input.stallLimit
        ) { task, context in
            let input: Input
            do {
                input = try decoder.decode(Input.self, from: Data(task.payload.utf8))
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
