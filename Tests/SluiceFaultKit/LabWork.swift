package import SluiceCore
internal import SluiceQueue

/// What one task of the load does: the payload of the kind `lab.work`.
package struct LabWork: TaskInput {
    package static let kind = TaskKind(trusted: "lab.work")
    package static let queue = LabTables.queue
    package static let retry = RetryPolicy(maxAttempts: 30, base: .milliseconds(200), cap: .seconds(1))
    package static let timeout = Duration.seconds(120)

    /// Rows of its effect, written in the completing transaction; 0: settled by the engine, without effects.
    package var steps = 1
    package var milliseconds = 20
    /// Snoozes first, then failures, then it succeeds.
    package var snoozes = 0
    package var failures = 0
    /// Tasks enqueued in the completing transaction.
    package var children = 0
    /// Ends among the dead letters.
    package var dies = false
    /// Takes all memory it can get, at its first attempt.
    package var hogsMemory = false
    /// Goes on to its effect although it was told to stop, as a handler does that was frozen meanwhile.
    package var isStubborn = false
    /// Logs nothing: for loads of many.
    package var isQuiet = false

    package init() {}

    /// A mixture: most succeed at once, some fail, snooze, die or have children.
    package static func mixed(_ number: Int) -> LabWork {
        var work = LabWork()
        work.steps = number % 5 == 4 ? 0 : 1 + number % 3
        work.milliseconds = (number * 37) % 90
        work.failures = number % 11 == 3 ? 1 : 0
        work.snoozes = number % 13 == 5 ? 1 : 0
        work.children = number % 17 == 6 && work.steps > 0 ? 2 : 0
        work.dies = number % 41 == 7
        return work
    }

    var loggedSteps: Int { isQuiet ? 0 : steps }
}

/// A task of the load as its enqueuer keeps it.
package struct LabTask: Sendable {
    package var work: LabWork
    package var batch: BatchID?
    package var key: String?

    package init(_ work: LabWork, batch: BatchID? = nil, key: String? = nil) {
        self.work = work
        self.batch = batch
        self.key = key
    }

    func newTask() throws -> NewTask { try NewTask(work, tenant: .default, batch: batch, uniqueKey: key) }
}
