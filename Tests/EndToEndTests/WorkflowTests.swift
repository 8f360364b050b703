import FoundationEssentials
import Glibc
import SluiceCore
import SluiceServerKit
import SluiceTestKit
import Testing

extension EndToEnd {
    @Suite struct Workflows {
        private static let json = """
            {"label": "nightly", "nodes": [
              {"name": "first", "task": {"kind": "test.hook", "queue": "maintenance",
                "payload": {"action": "sleep", "milliseconds": 20}}},
              {"name": "inside", "after": ["first"], "batch": {"nodes": [
                {"name": "good", "task": {"kind": "test.hook", "queue": "maintenance",
                  "payload": {"action": "sleep", "milliseconds": 20}}},
                {"name": "bad", "task": {"kind": "test.hook", "queue": "maintenance", "max_attempts": 1,
                  "payload": {"action": "fail", "milliseconds": 0}}}]}},
              {"name": "last", "after": ["inside"], "task": {"kind": "test.hook", "queue": "maintenance",
                "payload": {"action": "sleep", "milliseconds": 20}}}]}
            """

        private struct Created: Decodable { let batch: String }
        private struct Count: Decodable { let count: Int }
        private struct Group: Decodable {
            let fingerprint: String
            let count: Int
            let sample: String
        }
        private struct Shown: Decodable {
            struct Node: Decodable {
                let name: String
                let state: String
            }
            let blocked: Bool
            let nodes: [Node]
        }
        private struct Event: Decodable {
            let command: String
            let count: Int
            let reason: String?
            let endedAt: String?
        }

        private func states(_ fleet: TestFleet, _ batch: String) async throws -> [String] {
            try decode(Shown.self, from: try await fleet.ctl(["batches", "show", batch, "--json"]).output)
                .nodes.map { "\($0.name) \($0.state)" }
        }

        private func create(_ fleet: TestFleet) async throws -> String {
            let file = "/tmp/sluice-workflow-\(getpid()).json"
            defer { unlink(file) }
            try Self.json.write(toFile: file, atomically: true, encoding: .utf8)
            let created = try await fleet.ctl(["batches", "create", "--file", file, "--json"])
            #expect(created.status == 0, "\(created.errors)")
            return try decode(Created.self, from: created.output).batch
        }

        @Test("a workflow is blocked by a dead letter, goes on when it is retried, and ends when it is purged")
        func blocked() async throws {
            try await TestFleet.run(extra: ["SLUICE_TEST_KINDS": "1"]) { fleet in
                _ = try fleet.start("coordinator")
                _ = try fleet.start("worker", ["--queues", "maintenance", "--concurrency", "4"])
                let batch = try await create(fleet)
                let blocked = try await fleet.ctl(["batches", "wait", batch, "--timeout", "60s"])
                #expect(
                    blocked.status == 1 && blocked.errors.contains("blocked by 1 dead letters"),
                    "\(blocked.errors)"
                )
                #expect(
                    try await states(fleet, batch)
                        == ["first completed", "inside released", "last waiting", "good completed", "bad dead"]
                )
                let tree = try await fleet.ctl(["batches", "show", batch])
                #expect(tree.output.contains("blocked by 1 dead letters") && tree.output.contains("after inside"))

                let groups = try decode([Group].self, from: try await fleet.ctl(["dlq", "groups", "--json"]).output)
                let group = try #require(groups.first)
                #expect(groups.count == 1 && group.count == 1)
                let shown = try await fleet.ctl(["dlq", "show", group.sample])
                #expect(shown.status == 0 && shown.output.contains("hidden; --payload shows it"), "\(shown.errors)")
                let export = try await fleet.ctl(["dlq", "export", "--kind", "test.hook"])
                #expect(export.output.split(separator: "\n").count == 1 && export.output.contains("fail"))

                let filter = ["--fingerprint", group.fingerprint]
                let unasked = try await fleet.ctl(["dlq", "retry"] + filter)
                #expect(unasked.status == 64 && unasked.errors.contains("--yes"), "\(unasked.errors)")
                #expect(try await fleet.ctl(["dlq", "retry", "--yes"]).status == 64, "no filter")
                let dry = try await fleet.ctl(["dlq", "retry", "--dry-run", "--json"] + filter)
                #expect(try decode(Count.self, from: dry.output).count == 1)
                let retried = try await fleet.ctl(["dlq", "retry", "--yes", "--rate", "100/s", "--json"] + filter)
                #expect(try decode(Count.self, from: retried.output).count == 1, "\(retried.errors)")
                // It fails again, and holds the workflow again.
                let again = try await fleet.ctl(["batches", "wait", batch, "--timeout", "60s"])
                #expect(again.status == 1 && again.errors.contains("blocked"), "\(again.errors)")
                let purged = try await fleet.ctl(["dlq", "purge", "--yes", "--reason", "hopeless", "--json"] + filter)
                #expect(try decode(Count.self, from: purged.output).count == 1, "\(purged.errors)")
                // What needed its success is cancelled, and the whole has ended.
                let ended = try await fleet.ctl(["batches", "wait", batch, "--timeout", "60s"])
                #expect(ended.status == 1 && !ended.errors.contains("blocked"), "\(ended.errors)")
                #expect(try await states(fleet, batch).contains("last cancelled"))

                let audit = try decode([Event].self, from: try await fleet.ctl(["audit", "ls", "--json"]).output)
                #expect(audit.map(\.command) == ["dlq purge", "dlq retry"])
                #expect(audit.allSatisfy { $0.count == 1 && $0.endedAt != nil } && audit[0].reason == "hopeless")
            }
        }

        @Test("a workflow that nobody works on is cancelled; pruning counts before it removes; a cycle is refused")
        func cancelled() async throws {
            try await TestFleet.run { fleet in
                let batch = try await create(fleet)
                #expect(try await fleet.ctl(["batches", "cancel", batch]).status == 64, "without a terminal")
                let done = try await fleet.ctl(["batches", "cancel", batch, "--yes", "--reason", "not tonight"])
                #expect(done.status == 0, "\(done.errors)")
                let wait = try await fleet.ctl(["batches", "wait", batch, "--timeout", "10s"])
                #expect(wait.status == 1 && wait.errors.contains("cancelled"), "\(wait.errors)")
                for arguments in [["prune", "--dry-run"], ["prune"]] {
                    let pruned = try await fleet.ctl(arguments)
                    #expect(pruned.status == 0 && pruned.output.contains("embedding_cache"), "\(pruned.errors)")
                }
                let file = "/tmp/sluice-cycle-\(getpid()).json"
                defer { unlink(file) }
                let cycle = Self.json.replacing(#"{"name": "first","#, with: #"{"name": "first", "after": ["last"],"#)
                try cycle.write(toFile: file, atomically: true, encoding: .utf8)
                let refused = try await fleet.ctl(["batches", "create", "--file", file])
                #expect(refused.status == 64 && refused.errors.contains("wait for each other"), "\(refused.errors)")
            }
        }
    }
}
