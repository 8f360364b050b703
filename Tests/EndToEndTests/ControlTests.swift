import Glibc
import SluiceCore
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

extension EndToEnd {
    @Suite struct Control {
        private static let workerArguments = ["--queues", "maintenance", "--concurrency", "4"]

        /// Enqueues tasks that do as they are told.
        private func enqueue(
            _ fleet: TestFleet,
            _ action: String,
            milliseconds: Int,
            count: Int = 1,
            attempts: Int = 3,
            priority: Int = 5
        ) async throws -> [TaskID] {
            let store = try TestServers.store(schema: fleet.schema, poolSize: 2)
            defer { store.close() }
            let task = NewTask(
                tenant: .default,
                queue: .maintenance,
                kind: TaskKind(trusted: "test.hook"),
                payload: #"{"action": "\#(action)", "milliseconds": \#(milliseconds)}"#,
                priority: priority,
                maxAttempts: attempts,
                timeout: .seconds(120)
            )
            return try await PostgresTaskStore(store).enqueue([NewTask](repeating: task, count: count)).map(\.id)
        }

        private struct TaskReport: Decodable {
            struct Progress: Decodable {
                let done: Int
                let total: Int?
            }
            let id: String
            let state: String
            let attempt: Int
            let crashCount: Int
            let quarantined: Bool
            let reason: String?
            let progress: Progress?
        }

        private func tasks(_ fleet: TestFleet, _ arguments: [String]) async throws -> [TaskReport] {
            try decode(
                [TaskReport].self,
                from: try await fleet.ctl(["tasks", "ls", "--json", "--limit", "10000"] + arguments).output
            )
        }

        @Test("a task that kills its workers ends in quarantine; every innocent beside it completes, at no cost to it")
        func poison() async throws {
            try await TestFleet.run(extra: ["SLUICE_TEST_KINDS": "1", "SLUICE_LEASE_SECONDS": "3"]) { fleet in
                _ = try fleet.start("coordinator")
                let innocents = try await enqueue(fleet, "sleep", milliseconds: 150, count: 40, attempts: 1)
                let poison = try await enqueue(fleet, "kill", milliseconds: 50, attempts: 10, priority: 0)
                var workers: [Executable] = []
                try await eventually("all are settled", within: .seconds(150)) {
                    // A process manager in two lines.
                    workers.removeAll { $0.poll() != nil }
                    while workers.count < 2 { workers.append(try fleet.start("worker", Self.workerArguments)) }
                    return try await tasks(fleet, []).isEmpty
                }
                let dead = try await tasks(fleet, ["--state", "dead"])
                #expect(dead.map(\.id) == poison.map { "\($0)" })
                // Twice in company, then alone.
                #expect(dead.first?.quarantined == true && dead.first?.crashCount == 4)
                #expect(dead.first?.reason?.hasPrefix("worker.crashed: 2 worker processes ended") == true)
                let done = try await tasks(fleet, ["--state", "completed"])
                #expect(Set(done.map(\.id)) == Set(innocents.map { "\($0)" }))
                #expect(done.allSatisfy { $0.attempt == 1 }, "an innocent lost an attempt")
            }
        }

        @Test(
            "cancel: one that runs is stopped, one that is deaf is given up, waiting ones end at once; wait tells how"
        )
        func cancel() async throws {
            try await TestFleet.run(extra: ["SLUICE_TEST_KINDS": "1"]) { fleet in
                _ = try fleet.start("coordinator")
                let sleeper = try await enqueue(fleet, "sleep", milliseconds: 60_000)[0]
                let deaf = try await enqueue(fleet, "deaf", milliseconds: 20_000)[0]
                _ = try fleet.start("worker", Self.workerArguments)
                try await eventually("both run") { try await tasks(fleet, ["--state", "running"]).count == 2 }
                let waiting = try await enqueue(fleet, "fail", milliseconds: 0, count: 3)
                _ = try await fleet.ctl(["tasks", "snooze", "--for", "1h"] + waiting.map { "\($0)" })
                let dry = try await fleet.ctl(["tasks", "cancel", "--kind", "test.hook", "--dry-run", "--json"])
                #expect(dry.status == 0 && dry.output.contains("5"), "\(dry.output) \(dry.errors)")
                let refused = try await fleet.ctl(["tasks", "cancel"])
                #expect(refused.status == 64)
                let unasked = try await fleet.ctl(["tasks", "cancel", "--kind", "test.hook"])
                #expect(unasked.status == 64, "without a terminal it must not go on: \(unasked.errors)")
                let done = try await fleet.ctl([
                    "tasks", "cancel", "--kind", "test.hook", "--yes", "--reason", "wrong batch",
                ])
                #expect(done.status == 0, "\(done.errors)")
                let audit = try await fleet.ctl(["audit", "ls"])
                #expect(
                    audit.output.contains("tasks cancel") && audit.output.contains("wrong batch"),
                    "\(audit.output)"
                )
                let stopped = try await fleet.ctl([
                    "tasks", "wait", "\(sleeper)", "--for", "cancelled", "--timeout", "30s",
                ])
                #expect(stopped.status == 0, "\(stopped.errors)")
                #expect(try await fleet.ctl(["tasks", "wait", "\(sleeper)"]).status == 1, "done is not cancelled")
                let givenUp = try await fleet.ctl([
                    "tasks", "wait", "\(deaf)", "--for", "cancelled", "--timeout", "30s",
                ])
                #expect(givenUp.status == 0, "\(givenUp.errors)")
                let cancelled = try await tasks(fleet, ["--state", "cancelled"])
                #expect(cancelled.count == 5 && cancelled.allSatisfy { $0.reason == "wrong batch" })
                #expect(try await fleet.ctl(["tasks", "cancel", "\(sleeper)"]).status == 4)
                #expect(try await fleet.ctl(["tasks", "wait", "999999"]).status == 4)
            }
        }

        @Test(
            "progress is seen while it runs; a stall costs an attempt with a class of its own; errors can be looked for"
        )
        func progress() async throws {
            try await TestFleet.run(extra: ["SLUICE_TEST_KINDS": "1"]) { fleet in
                _ = try fleet.start("coordinator")
                _ = try fleet.start("worker", Self.workerArguments)
                let reporting = try await enqueue(fleet, "report", milliseconds: 20_000)[0]
                let stalling = try await enqueue(fleet, "stall", milliseconds: 60_000, attempts: 1)[0]
                try await eventually("progress is seen") {
                    let running = try await tasks(fleet, ["--state", "running"]).first { $0.id == "\(reporting)" }
                    return (running?.progress?.done ?? 0) > 10
                }
                let shown = try await fleet.ctl(["tasks", "show", "\(reporting)"])
                #expect(shown.output.contains("progress") && shown.output.contains("running"), "\(shown.output)")
                _ = try await fleet.ctl(["tasks", "wait", "\(stalling)", "--for", "dead", "--timeout", "30s"])
                let stalled = try await tasks(fleet, ["--state", "dead", "--error-like", "progress.stalled%"])
                #expect(stalled.map(\.id) == ["\(stalling)"])
                let attempts = try await fleet.ctl(["attempts", "ls", "\(stalling)", "--json"])
                #expect(attempts.output.contains("progress.stalled"), "\(attempts.output)")
                _ = try await fleet.ctl(["tasks", "retry", "\(stalling)"])
                #expect(try await tasks(fleet, ["--state", "dead"]).isEmpty)
            }
        }

        private struct Worker: Decodable {
            let id: String
            let state: String
            let leased: Bool
            let pid: Int
        }

        private func workers(_ fleet: TestFleet) async throws -> [Worker] {
            try decode([Worker].self, from: try await fleet.ctl(["workers", "ls", "--json"]).output)
        }

        @Test("workers: quiet and resume by command and by signal, evict, drain")
        func workers() async throws {
            try await TestFleet.run(extra: ["SLUICE_TEST_KINDS": "1"]) { fleet in
                _ = try fleet.start("coordinator")
                let process = try fleet.start("worker", Self.workerArguments)
                func state(_ state: String) async throws {
                    try await eventually("the worker is \(state)", within: .seconds(20)) {
                        try await workers(fleet).contains {
                            $0.pid == Int(process.pid) && $0.leased && $0.state == state
                        }
                    }
                }
                try await state("live")
                let id = try #require(try await workers(fleet).first { $0.pid == Int(process.pid) }?.id)
                #expect(try await fleet.ctl(["workers", "quiet", "nobody"]).status == 4)
                #expect(try await fleet.ctl(["workers", "quiet", String(id.prefix(8))]).status == 0)
                try await state("quiet")
                let task = try await enqueue(fleet, "sleep", milliseconds: 0)[0]
                #expect(try await fleet.ctl(["tasks", "wait", "\(task)", "--timeout", "1s"]).status == 75)
                #expect(try await fleet.ctl(["workers", "resume", "all"]).status == 0)
                #expect(try await fleet.ctl(["tasks", "wait", "\(task)", "--timeout", "20s"]).status == 0)
                process.send(SIGTSTP)
                try await state("quiet")
                process.send(SIGUSR2)
                try await state("live")

                let held = try await enqueue(fleet, "sleep", milliseconds: 2_000)[0]
                try await eventually("it runs") { try await tasks(fleet, ["--state", "running"]).count == 1 }
                process.send(SIGTTIN)
                try await eventually("it says what is in flight") { process.errors.contains("attempt in flight") }
                #expect(try await fleet.ctl(["workers", "evict", id]).status == 0)
                #expect(try await fleet.ctl(["tasks", "wait", "\(held)", "--timeout", "60s"]).status == 0)
                let attempts = try await fleet.ctl(["attempts", "ls", "\(held)", "--json"])
                #expect(
                    attempts.output.contains("released") && attempts.output.contains("completed"),
                    "\(attempts.output)"
                )
                #expect(
                    try await tasks(fleet, ["--state", "completed"]).allSatisfy {
                        $0.attempt == 1 && $0.crashCount == 0
                    }
                )

                #expect(try await fleet.ctl(["workers", "drain", "all", "--wait", "--timeout", "60s"]).status == 0)
                #expect(try await process.exit(within: .seconds(30)) == 0)
            }
        }
    }
}
