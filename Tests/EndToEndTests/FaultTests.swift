import Glibc
import SluiceRedis
import SluiceServerKit
import SluiceTestKit
import Testing

extension EndToEnd {
    @Suite struct Faults {
        /// Starts an ingest in the background and returns it once some chunks are under way.
        private func beginIngest(_ fleet: TestFleet, _ folder: String) async throws -> Executable {
            let ingest = try fleet.start("workerctl", ["ingest", folder, "--recursive", "--wait", "--json"])
            try await eventually("tasks run", within: .seconds(60)) {
                try await fleet.status().queues.contains { ($0.running ?? 0) > 0 }
            }
            return ingest
        }

        @Test("kill -9 of the workers in the middle of an ingestion loses and doubles nothing")
        func killedWorkers() async throws {
            try await TestFleet.run(extra: ["SLUICE_EMBED_WINDOW": "8"]) { fleet in
                _ = try fleet.start("coordinator")
                let folder = try fleet.writePDFs(20, pages: 12)
                let workers = try fleet.startWorkers()
                let ingest = try await beginIngest(fleet, folder)
                for worker in workers { worker.send(SIGKILL) }
                _ = try fleet.startWorkers()
                #expect(try await ingest.exit(within: .seconds(150)) == 0, "\(ingest.errors)")
                let report = try decode(IngestReport.self, from: ingest.output)
                #expect(report.documents == ["ok": 20])
                #expect(report.pages == 240)
                try await expectWhole(fleet, chunks: report.chunks)
            }
        }

        @Test("FLUSHALL and a restart of Redis during an ingestion cost time, not tasks")
        func flushedRedis() async throws {
            try await withRedisServer(["--maxmemory-policy", "noeviction"]) { redis in
                try await TestFleet.run(redisURL: redis.url) { fleet in
                    _ = try fleet.start("coordinator")
                    _ = try fleet.startWorkers()
                    let folder = try fleet.writePDFs(20, pages: 12)
                    let ingest = try await beginIngest(fleet, folder)
                    let client = RedisClient(try RedisConfiguration(url: redis.url))
                    defer { client.close() }
                    _ = try await client.command(["FLUSHALL"])
                    try await redis.kill()
                    let status = try await fleet.status()
                    #expect(status.redis.reachable == false)
                    #expect(status.verdict != "ok")
                    try await redis.start()
                    #expect(try await ingest.exit(within: .seconds(150)) == 0, "\(ingest.errors)")
                    let report = try decode(IngestReport.self, from: ingest.output)
                    #expect(report.documents == ["ok": 20])
                    try await expectWhole(fleet, chunks: report.chunks)
                }
            }
        }

        @Test("SIGTERM drains: exit 0, nothing costs an attempt, a new worker finishes")
        func drain() async throws {
            try await TestFleet.run(extra: [
                "SLUICE_EXTRACTOR_TEST_HOOKS": "1", "SLUICE_DRAIN_TIMEOUT_SECONDS": "1",
                "SLUICE_EXTRACT_TIMEOUT_SECONDS": "60",
            ]) { fleet in
                _ = try fleet.start("coordinator")
                let worker = try fleet.start("worker", ["--queues", "ingestion", "--concurrency", "1"])
                let path = try fleet.write("slow/hang.pdf", Array("%SLUICE-TEST hang\n".utf8))
                let enqueued = try await fleet.ctl(["ingest", path])
                #expect(enqueued.status == 0, "\(enqueued.errors)")
                try await eventually("the task runs") {
                    try await fleet.status().queues.contains { $0.name == "ingestion" && $0.running == 1 }
                }
                worker.send(SIGTERM)
                #expect(try await worker.exit(within: .seconds(30)) == 0, "\(worker.errors)")
                let queue = try #require(try await fleet.status().queues.first { $0.name == "ingestion" })
                #expect(queue.running == 0 && queue.ready == 1 && queue.retryable == 0)
                let tasks = try await fleet.ctl(["tasks", "ls", "--json"])
                #expect(tasks.output.contains("\"attempt\":0"), "the attempt was not refunded: \(tasks.output)")
                try fleet.write("slow/hang.pdf", MiniPDF.make(pages: [Prose.lines(document: 1, page: 0)]))
                _ = try fleet.startWorkers()
                let again = try await fleet.ctl(["ingest", path, "--wait", "--json"])
                #expect(again.status == 0, "\(again.errors)")
            }
        }

        @Test("a standby takes over when the leading coordinator is killed")
        func leaderKilled() async throws {
            try await TestFleet.run { fleet in
                let first = try fleet.start("coordinator")
                try await eventually("the first leads") { try await fleet.status().coordinator.leader != nil }
                let before = try #require(try await fleet.status().coordinator.leader)
                _ = try fleet.start("coordinator")
                try await eventually("a standby waits") { try await fleet.status().coordinator.standbys == 1 }
                first.send(SIGKILL)
                try await eventually("the standby leads", within: .seconds(40)) {
                    let leader = try await fleet.status().coordinator.leader
                    return leader != nil && leader != before
                }
            }
        }

        /// Chunks, vectors and documents agree, and nothing is left over.
        private func expectWhole(_ fleet: TestFleet, chunks: Int) async throws {
            let counts = try await TestServers.counts(schema: fleet.schema)
            #expect(counts.chunks == chunks, "every chunk once")
            #expect(counts.embeddings == chunks, "every chunk has its vector, once")
            #expect(counts.staged == 0, "no stage is left behind")
            #expect(counts.liveTasks == 0, "no task is left behind")
        }
    }
}
