internal import ArgumentParser
internal import SluiceCore
internal import SluiceQueue
internal import SluiceStore

extension TasksCommand {
    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "cancel",
            abstract: "Cancel tasks, by number or by the filters of `tasks ls`.",
            discussion: """
                Waiting tasks end at once. Running ones are told to stop, within about a second; one that does not listen is
                given up after ten, and whatever it still writes is refused. One that completes first is completed.
                Look first, then act with the same filter; without numbers --yes or an answer is needed.
                """
        )

        @Argument(help: "Numbers of tasks.") var ids: [TaskID] = []
        @OptionGroup var filter: TaskFilterOptions
        @Option(name: .long, help: "Kept with the tasks and in the audit.") var reason = "cancelled by an operator"
        @OptionGroup var bulk: BulkOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let session = try Session()
            let filter = try bulk.filter(filter, ids)
            guard try await bulk.confirm(filter, "cancel", ids, session, output) else { return }
            let event = try await Audit.begin("tasks cancel", self.filter.named(ids), reason: reason, in: session.store)
            let report = try await session.store.cancel(filter, reason: reason)
            let done = report.cancelled.count + report.asked.count
            try await session.store.audited(event, adding: done, isOver: true)
            if output.json {
                try JSON.print(Report(cancelled: report.cancelled.count, asked: report.asked.count))
            } else {
                Terminal.write(
                    "\(Format.count(report.cancelled.count)) cancelled, \(Format.count(report.asked.count)) told to stop\n"
                )
            }
            try bulk.check(done, of: ids, "are settled, dead or told to stop already")
        }

        private struct Report: Encodable {
            let cancelled: Int
            let asked: Int
        }
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "retry",
            abstract: "Let failed tasks run again at once: those that wait for their next attempt, and dead letters.",
            discussion: "Dead letters get fresh attempts. With --now, tasks that wait for their first attempt run too."
        )

        @Argument(help: "Numbers of tasks.") var ids: [TaskID]
        @Flag(name: .long, help: "Scheduled and snoozed ones too.") var now = false
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let session = try Session()
            let hurried = try await session.store.hurry(TaskFilter(ids: ids), all: now)
            let raised = try await session.store.retryDead(DeadLetterFilter(TaskFilter(ids: ids)), limit: ids.count)
            await session.announce(
                hurried
                    + raised.map {
                        EnqueuedTask(id: $0.id, wasDuplicate: false, queue: $0.queue, isAvailable: $0.isAvailable)
                    }
            )
            let count = hurried.count + raised.count
            try BulkOptions.report(count, "run again", output)
            try BulkOptions.check(count, of: ids, "neither failed nor died; waiting ones need --now")
        }
    }

    struct Snooze: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "snooze",
            abstract: "Let tasks that wait do so for longer; no attempt is used."
        )

        @Argument(help: "Numbers of tasks.") var ids: [TaskID]
        @Option(name: .customLong("for"), help: "How long from now on: 10m, 2h.") var length: DurationArgument
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let snoozed = try await Session().store.snooze(ids, for: length.duration)
            try BulkOptions.report(snoozed.count, "snoozed", output)
            try BulkOptions.check(snoozed.count, of: ids, "run, are settled or dead")
        }
    }

    struct Priority: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "priority",
            abstract: "Change the priority of a live task: 0 to 9, smaller runs first."
        )

        @Argument(help: "The task's number.") var id: TaskID
        @Argument(help: "0 to 9.") var priority: Int
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard (0...9).contains(priority) else { throw ValidationError("a priority is 0 to 9, not \(priority)") }
        }

        func run() async throws {
            let store = try Session().store
            guard let task = try await store.task(id) else { throw CommandFailure.noTask(id) }
            guard task.state.isLive else {
                throw CommandFailure(
                    .failed,
                    "task \(id) is \(task.state.rawValue); its priority does not matter any more"
                )
            }
            _ = try await store.prioritize([id], priority)
            try BulkOptions.report(1, "changed", output)
        }
    }

    struct Wait: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "wait",
            abstract: "Wait until a task is settled.",
            discussion: """
                --for done ends with 0 when it completed, with 1 when it was cancelled or is dead; --for completed,
                cancelled or dead ends with 0 in that state and with 1 in another final one. 4: there is no such task;
                75: the time was up.
                """
        )

        enum Goal: String, ExpressibleByArgument, CaseIterable { case done, completed, cancelled, dead }

        @Argument(help: "The task's number.") var id: TaskID
        @Option(name: .customLong("for"), help: "done, completed, cancelled or dead.") var goal = Goal.done
        @Option(name: .long, help: "Give up after this long: 30s, 10m.") var timeout: DurationArgument?
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let store = try Session().store
            let started = Instant.now
            var failures = 0
            while true {
                do {
                    guard let task = try await store.task(id) else { throw CommandFailure.noTask(id) }
                    failures = 0
                    if !task.state.isLive { return try end(task) }
                } catch  where error.isTransientFailure && failures < 60 {
                    // A restart of the server must not end the wait.
                    failures += 1
                }
                if let timeout, started.elapsed >= timeout.duration {
                    throw CommandFailure(.partial, "task \(id) is not settled within \(timeout.duration.inSeconds) s")
                }
                try await Task.sleep(for: .milliseconds(started.elapsed < .seconds(2) ? 25 : 250))
            }
        }

        private func end(_ task: TaskRecord) throws {
            if output.json {
                try JSON.print(TaskRow(task))
            } else {
                Terminal.write("task \(task.id) is \(task.state.rawValue)\n")
            }
            let wanted = goal == .done ? TaskState.completed : TaskState(rawValue: goal.rawValue)
            guard task.state != wanted else { return }
            throw CommandFailure(
                .failed,
                "task \(task.id) is \(task.state.rawValue)" + (task.reason.map { ": \(Table.printable($0))" } ?? "")
            )
        }
    }
}
