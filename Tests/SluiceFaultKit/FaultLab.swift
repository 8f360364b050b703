internal import Glibc
internal import Logging
internal import SluiceCore
internal import SluicePostgres
internal import SluiceQueue
package import SluiceService
package import SluiceStore
internal import SluiceSystem
package import SluiceTestKit
internal import Synchronization

/// One fault's own small world: a database on the given server, a Redis server, proxies before both, and processes.
package final class FaultLab: Sendable {
    package let scale: FaultScale
    package let database: String
    package let redis: RedisServerProcess
    package let settings: Settings
    package let store: Store
    let superuser: PostgresPool
    let databaseProxy: FaultProxy
    let redisProxy: FaultProxy
    private let environment: [String: String]
    private let servers: LabServers
    private let processes = Mutex<[LabProcess]>([])
    private let hints: any TaskHints
    private let notes = Mutex<[String]>([])

    private static let prefix = "lab"

    init(_ name: String, servers: LabServers, scale: FaultScale) async throws {
        self.scale = scale
        self.servers = servers
        let database = "faults_" + name
        self.database = database
        try await servers.createDatabase(database)
        superuser = servers.superuser
        redis = try await RedisServerProcess.start(["--maxmemory-policy", "noeviction"])
        databaseProxy = try FaultProxy(target: servers.port)
        redisProxy = try FaultProxy(target: redis.port)
        var environment = [
            "PATH": "/usr/bin:/bin", "SLUICE_DATABASE_URL": servers.url(database),
            "SLUICE_REDIS_URL": redis.url, "SLUICE_REDIS_PREFIX": Self.prefix,
            "SLUICE_LEASE_SECONDS": "\(scale.leaseSeconds)", "SLUICE_LOG_LEVEL": "info",
            "SLUICE_PAYLOAD_KEYS": "lab:" + Base64.text(of: [UInt8](repeating: 7, count: 32)),
            "SLUICE_DRAIN_TIMEOUT_SECONDS": "2", "SLUICE_MODEL": "deterministic:8",
        ]
        if let home = Environment.home() { environment["SLUICE_HOME"] = home }
        self.environment = environment
        settings = try Settings(environment: environment, home: nil, readFile: { _ in nil })
        let logger = Logger.line("faultlab", level: "critical")
        store = settings.makeStore("faultlab", poolSize: 4, logger: logger)
        guard let hints = try settings.makeHints() else { throw LabFailure("no Redis in the settings") }
        self.hints = hints
        try await Migrator(store).migrate()
        try await LabTables.create(in: store)
    }

    func tearDown() async {
        for process in processes.withLock({ $0 }) { process.killNow() }
        databaseProxy.heal()
        redisProxy.heal()
        databaseProxy.stop()
        redisProxy.stop()
        store.close()
        try? await redis.kill()
        try? await servers.dropDatabase(database)
    }

    /// What a reader of the table should know of this run.
    func note(_ text: String) { notes.withLock { $0.append(text) } }
    var noted: String { notes.withLock { $0.joined(separator: "; ") } }

    func restartServer() async throws { try await servers.restart() }

    // MARK: - Processes

    @discardableResult
    func start(_ name: String, _ arguments: [String] = [], extra: [String: String] = [:]) throws -> LabProcess {
        try launch("\(servers.programs)/\(name)", arguments, extra: extra)
    }

    @discardableResult
    func startCoordinator() throws -> LabProcess { try start("coordinator") }

    @discardableResult
    func startWorker(concurrency: Int = 8, extra: [String: String] = [:]) throws -> LabProcess {
        try start("faultlab", ["worker", "--concurrency", "\(concurrency)"], extra: extra)
    }

    func launch(_ path: String, _ arguments: [String], extra: [String: String]) throws -> LabProcess {
        let process = try LabProcess(
            path,
            arguments,
            environment: environment.merging(extra) { $1 },
            log: "\(servers.folder)/\(database).log"
        )
        servers.remember(process.pid)
        processes.withLock { $0.append(process) }
        return process
    }

    /// The addresses behind the proxies, for a worker that is to be cut off.
    var proxiedDatabase: [String: String] {
        ["SLUICE_DATABASE_URL": servers.url(database, port: databaseProxy.port)]
    }
    var proxiedRedis: [String: String] { ["SLUICE_REDIS_URL": "redis://127.0.0.1:\(redisProxy.port)/0"] }

    // MARK: - Load

    /// Enqueues a mixture of tasks, twenty a transaction, every third in a batch and every seventh under one of few keys.
    func enqueueMixed(_ count: Int, from first: Int = 0) async throws {
        let batch = try await store.createBatch(tenant: .default, label: "load")
        for start in stride(from: first, to: first + count, by: 20) {
            let tasks = (start..<min(start + 20, first + count)).map { number in
                LabTask(
                    .mixed(number),
                    batch: number % 3 == 0 ? batch : nil,
                    key: number % 7 == 0 ? "key-\((number / 7) % 5)" : nil
                )
            }
            try await enqueue(tasks)
        }
    }

    func enqueue(_ tasks: [LabTask]) async throws {
        let enqueued = try await store.enqueueLab(tasks)
        _ = try? await hints.offer(
            enqueued.filter { !$0.wasDuplicate }.map(\.id),
            queue: LabTables.queue,
            windowLimit: Enqueuer.windowLimit
        )
    }

    func enqueue(_ count: Int, _ change: (inout LabWork) -> Void) async throws {
        var work = LabWork()
        change(&work)
        for start in stride(from: 0, to: count, by: 5_000) {
            try await enqueue([LabTask](repeating: LabTask(work), count: min(5_000, count - start)))
        }
    }

    /// Runs `body` while a trickle of tasks is enqueued; enqueues that fail meanwhile are what the fault costs a caller.
    func underLoad<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { [self] in
                var number = 100_000
                while !Task.isCancelled {
                    try? await enqueueMixed(20, from: number)
                    number += 20
                    try? await Task.sleep(for: .milliseconds(100))
                }
                return nil
            }
            group.addTask { try await body() }
            defer { group.cancelAll() }
            while let value = try await group.next() { if let value { return value } }
            throw LabFailure("the load ended by itself")
        }
    }

    // MARK: - What became of it

    /// Microseconds since 1970 by this machine's clock, which is also the database's.
    static func now() -> Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1_000
    }

    func number(_ sql: String, _ values: [PGValue] = []) async throws -> Int64 {
        let rows = try await store.pool.query(
            Statement(sql, values) { row throws(PostgresError) in try row.optionalInt64(0) }
        )
        return (rows.first ?? nil) ?? 0
    }

    func completedCount() async throws -> Int64 { try await number("SELECT count(*) FROM tasks_archive") }

    func waitForCompletions(_ count: Int64) async throws {
        try await waitUntil("\(count) tasks are completed", within: .seconds(120)) { [self] in
            try await completedCount() >= count
        }
    }

    /// Waits; errors of servers that are away count as not yet.
    func waitUntil(_ what: String, within limit: Duration, _ condition: () async throws -> Bool) async throws {
        let start = ContinuousClock.now
        while (try? await condition()) != true {
            if start.elapsed > limit { throw NeverHappened(what: what, waited: limit) }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Seconds from a point in time to the first claim after it of a task that was then completed. What had been claimed
    /// before says nothing about whether the queue moves.
    func claimAfter(_ mark: Int64) async throws -> Double? {
        var at: Int64 = 0
        try await waitUntil("something is claimed and completed", within: .seconds(60)) { [self] in
            at = try await number(
                """
                SELECT (extract(epoch FROM min(claimed_at)) * 1e6)::int8 FROM tasks_archive
                WHERE claimed_at > to_timestamp($1::float8 / 1e6)
                """,
                [.float8(Double(mark))]
            )
            return at > 0
        }
        return Double(at - mark) / 1e6
    }

    /// Tasks that a worker process holds now.
    func held(by pid: Int32) async throws -> [Int64] {
        try await store.pool.query(
            Statement(
                """
                SELECT tasks.id FROM tasks JOIN workers ON workers.id = tasks.lease_owner
                WHERE tasks.state = 'running' AND workers.pid = $1
                """,
                [.int4(Int(pid))]
            ) { row throws(PostgresError) in try row.int64(0) }
        )
    }

    /// Seconds until the last of these tasks ran again, or ended, after a point in time; nil when none had to.
    func rerun(of victims: [Int64], after mark: Int64) async throws -> Double? {
        let at = try await number(
            """
            SELECT (extract(epoch FROM max(first)) * 1e6)::int8 FROM (
                SELECT min(at) AS first FROM lab_starts
                WHERE task_id = ANY ($1) AND at > to_timestamp($2::float8 / 1e6) GROUP BY task_id
            ) AS again
            """,
            [.int8Array(victims), .float8(Double(mark))]
        )
        return at == 0 ? nil : Double(at - mark) / 1e6
    }
}

/// Something of the laboratory itself failed.
package struct LabFailure: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
