internal import SluiceBroker
internal import SluiceCore
internal import SluiceRedis
internal import SluiceService
internal import SluiceStore

/// FLUSHALL in the middle of a drain: how long until tasks start again, and whether all of them end.
struct FlushBench {
    struct Result: Encodable {
        let tasks: Int
        let queued_at_flush: Int
        let flushes: Int
        /// From FLUSHALL's reply to the next start of a handler that was not claimed before it.
        let resumed_after_ms: [Double]
        let lost: Int
        /// Redis's own count, the most that was seen.
        let redis_bytes_most: Int
        let redis_bytes_before: Int
    }

    let settings: Settings
    let tasks: Int
    let concurrency: Int

    func run() async throws -> Result {
        guard let configuration = try settings.redisConfiguration() else {
            throw BenchFailure("this benchmark needs SLUICE_REDIS_URL")
        }
        let redis = RedisClient(configuration)
        defer { redis.close() }
        let before = try await memory(redis)
        let fleet = try NoopFleet(settings, concurrency: concurrency)
        defer { fleet.store.close() }
        try await fleet.enqueue(tasks)
        let filled = try await memory(redis)
        return try await fleet.run {
            var most = filled
            try await fleet.seen.wait(for: 1_000)
            let queued = tasks - fleet.seen.count
            var resumed: [Double] = []
            for _ in 0..<5 where fleet.seen.count < tasks / 2 {
                most = max(most, try await memory(redis))
                _ = try await redis.command(["FLUSHALL"])
                let flushed = ContinuousClock.now
                // What was claimed already starts in any case; more than that must have been hinted anew.
                let enough = fleet.seen.count + 2 * concurrency + 1_000
                try await fleet.seen.wait(for: min(enough, tasks))
                resumed.append(flushed.elapsed.inSeconds * 1_000)
                try await Task.sleep(for: .milliseconds(500))
            }
            try await fleet.seen.wait(for: tasks)
            try await fleet.settle(tasks)
            return Result(
                tasks: tasks,
                queued_at_flush: queued,
                flushes: resumed.count,
                resumed_after_ms: resumed.map { $0.rounded() },
                lost: 0,
                redis_bytes_most: most,
                redis_bytes_before: before
            )
        }
    }

    private func memory(_ redis: RedisClient) async throws -> Int {
        let text = try await redis.command(["INFO", "memory"]).text ?? ""
        for line in text.split(whereSeparator: { $0.isNewline }) where line.hasPrefix("used_memory:") {
            return Int(line.dropFirst("used_memory:".count)) ?? 0
        }
        return 0
    }
}
