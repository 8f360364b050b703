internal import ArgumentParser
internal import SluiceCore
internal import SluiceQueue
internal import SluiceStore
internal import SluiceSystem

extension BatchesCommand {
    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "create",
            abstract: "Enqueue a workflow from a JSON file, all of it or nothing.",
            discussion: """
                {"label": "nightly", "on_dead": "wait", "nodes": [
                  {"name": "fetch", "task": {"kind": "document.ingest", "queue": "ingestion", "payload": {"document": 7}}},
                  {"name": "rest", "batch": {"nodes": […]}, "after": ["fetch"]},
                  {"name": "alarm", "task": {…}, "after": [{"node": "rest", "on": "on_failure"}]}],
                 "callbacks": {"on_success": {…}, "on_failure": {…}, "on_complete": {…}}}

                on_dead: wait (default; dead letters hold the batch open until they are retried or purged), fail, continue.
                Of a task also: payload_version, priority, max_attempts, timeout_seconds, delay_seconds, unique_key.
                """
        )

        @Option(name: .long, help: "The file; - reads standard input.") var file: String
        @OptionGroup var tenant: TenantOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            guard let text = file == "-" ? Self.standardInput() : Environment.textFile(file) else {
                throw CommandFailure(.notFound, "the file '\(file)' cannot be read")
            }
            let session = try Session()
            let workflow: Workflow
            do {
                workflow = try WorkflowFile.parse(Array(text.utf8), tenant: tenant.tenant)
            } catch {
                throw CommandFailure(.usage, error.description)
            }
            try await session.store.ensureTenant(tenant.tenant)
            let enqueued = try await session.store.enqueue(workflow, tenant: tenant.tenant)
            await session.announce(enqueued.tasks)
            if output.json {
                return try JSON.print(["batch": "\(enqueued.batch)", "tasks": "\(enqueued.tasks.count)"])
            }
            Terminal.write("batch \(enqueued.batch) with \(Format.count(enqueued.tasks.count)) tasks\n")
        }

        private static func standardInput() -> String? {
            var text = ""
            while let line = readLine(strippingNewline: false) { text += line }
            return text
        }
    }

    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "cancel",
            abstract: "Cancel a batch with all inside it: what waits at once, what runs by asking it to stop."
        )

        @Argument(help: "The batch's number.") var id: BatchID
        @OptionGroup var tenant: TenantOptions
        @Option(name: .long, help: "Why; kept with every task and in the audit.") var reason = "its batch was cancelled"
        @Flag(name: .long, help: "Do not ask.") var yes = false
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let store = try Session().store
            guard let batch = try await store.batch(id, tenant: tenant.tenant) else {
                throw CommandFailure(.notFound, "tenant '\(tenant.tenant)' has no batch \(id)")
            }
            if !yes {
                guard Terminal.inputIsTerminal else {
                    throw CommandFailure(
                        .usage,
                        "batch \(id) has \(Format.count(batch.pending)) pending children; give --yes to cancel it unasked"
                    )
                }
                Terminal.repaint("cancel batch \(id) with \(Format.count(batch.pending)) pending children? [y/N] ")
                guard let answer = readLine(), ["y", "yes"].contains(answer.lowercased()) else {
                    throw CommandFailure(.interrupted, "nothing was changed")
                }
            }
            let event = try await Audit.begin("batches cancel", ["batch": "\(id)"], reason: reason, in: store)
            let done = try await store.cancelBatch(id, tenant: tenant.tenant, reason: reason) ?? BatchCancellation()
            try await store.audited(event, adding: done.cancelled + done.asked, isOver: true)
            if output.json {
                return try JSON.print(["cancelled": done.cancelled, "asked": done.asked] as [String: Int])
            }
            Terminal.write(
                "\(Format.count(done.cancelled)) tasks cancelled, \(Format.count(done.asked)) asked to stop\n"
            )
        }
    }

    struct Wait: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "wait",
            abstract: "Wait until a batch has ended, or until only dead letters hold it open.",
            discussion: "Exit status: 0 completed, 1 failed, cancelled or blocked by dead letters, 75 time is up."
        )

        @Argument(help: "The batch's number.") var id: BatchID
        @OptionGroup var tenant: TenantOptions
        @Option(name: .long, help: "Give up after this: 90s, 10m, 1h.") var timeout: DurationArgument?

        func run() async throws {
            let store = try Session().store
            let clock = ContinuousClock()
            let end = timeout.map { clock.now.advanced(by: $0.duration) }
            var pause = Duration.milliseconds(50)
            while true {
                guard let batch = try await store.batch(id, tenant: tenant.tenant) else {
                    throw CommandFailure(.notFound, "tenant '\(tenant.tenant)' has no batch \(id)")
                }
                if let outcome = batch.outcome {
                    if outcome == .completed || outcome == .skipped { return Terminal.write("\(outcome.rawValue)\n") }
                    throw CommandFailure(.failed, "batch \(id) \(outcome == .failed ? "failed" : "was cancelled")")
                }
                let blockers = try await store.blockers(of: id)
                if blockers.letters > 0 && blockers.isBlocked {
                    throw CommandFailure(.failed, "batch \(id) is blocked by \(blockers.letters) dead letters")
                }
                if let end, clock.now >= end { throw CommandFailure(.partial, "time is up; batch \(id) goes on") }
                try await clock.sleep(for: pause)
                pause = min(pause * 2, .seconds(2))
            }
        }
    }
}
