internal import SluiceCore
internal import SluicePostgres
internal import SluiceService
internal import SluiceStore
internal import SluiceSystem

/// How long `workerctl status` takes, from its start as a process to its end, with much queued and more archived.
struct StatusBench {
    struct Result: Encodable {
        let queued: Int
        let archived: Int
        let runs: Int
        let p50_ms: Double
        let max_ms: Double
        /// Without a leader, which otherwise counts deep queues for everybody.
        let leaderless_p50_ms: Double
    }

    let settings: Settings
    let queued: Int
    let archived: Int
    let runs: Int

    func run() async throws -> Result {
        let fleet = try NoopFleet(settings, concurrency: 1)
        defer { fleet.store.close() }
        try await fleet.enqueue(queued)
        try await archive(fleet.store)
        let leaderless = try await times()
        let led = try await fleet.run(withWorker: false) {
            // The leader has counted once before anything is measured.
            while try await depths(fleet.store) == 0 { try await Task.sleep(for: .milliseconds(100)) }
            return try await times()
        }
        return Result(
            queued: queued,
            archived: archived,
            runs: runs,
            p50_ms: quantile(led, 0.5),
            max_ms: led.last ?? .nan,
            leaderless_p50_ms: quantile(leaderless, 0.5)
        )
    }

    /// Sorted, in milliseconds, after one run that does not count.
    private func times() async throws -> [Double] {
        guard let own = Environment.executablePath(), let slash = own.lastIndex(of: "/") else {
            throw BenchFailure("the path of this executable is unknown, and with it that of workerctl")
        }
        let workerctl = own[..<slash] + "/workerctl"
        var environment = Environment.all()
        environment["SLUICE_SCHEMA"] = settings.schema
        environment["SLUICE_REDIS_PREFIX"] = settings.redisPrefix
        let thread = PinnedThread(name: "status")
        defer { thread.stop() }
        var times: [Double] = []
        for number in 0...runs {
            let taken = try await thread.run { [environment] in
                let started = Instant.now
                let process = try ChildProcess.spawn(
                    String(workerctl),
                    ["status", "--json"],
                    environment: environment
                )
                guard process.waitForExit(until: nil) == .exited(code: 0) else {
                    throw BenchFailure("workerctl status failed; run it by hand")
                }
                return started.elapsed
            }
            if number > 0 { times.append(taken.inSeconds * 1_000) }
        }
        return times.sorted()
    }

    private func archive(_ store: Store) async throws {
        let step = 500_000
        for start in stride(from: 0, to: archived, by: step) {
            try await store.pool.execute(
                Statement(
                    """
                    INSERT INTO tasks_archive (
                        id, tenant_id, queue, kind, state, attempt, crash_count, payload_version, payload, lease_token,
                        created_at, claimed_at
                    )
                    SELECT -n, 'default', 'maintenance', 'noop', 'completed', 1, 0, 1, '{}', n, now(), now()
                    FROM generate_series($1::int8 + 1, $2::int8) AS n
                    """,
                    [.int8(Int64(start)), .int8(Int64(min(archived, start + step)))]
                )
            )
        }
    }

    private func depths(_ store: Store) async throws -> Int {
        try await store.pool.query(
            Statement("SELECT count(*) FROM queue_depths") { row throws(PostgresError) in Int(try row.int64(0)) }
        ).first ?? 0
    }
}
