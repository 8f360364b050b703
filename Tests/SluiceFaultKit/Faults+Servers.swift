internal import SluiceCore
internal import SluicePostgres
internal import SluiceRedis
internal import SluiceTestKit

extension Fault {
    static let coordinatorFaults: [Fault] = [
        Fault("coordinator_kill", "SIGKILL of the only coordinator, a new one later") { lab in
            let coordinator = try lab.startCoordinator()
            try lab.startWorker()
            try await lab.enqueueMixed(lab.scale.pick(short: 200, full: 2_000))
            try await lab.waitForCompletions(20)
            let mark = FaultLab.now()
            coordinator.killNow()
            try await lab.underLoad { try await Task.sleep(for: .seconds(2)) }
            try lab.startCoordinator()
            return try await lab.claimAfter(mark)
        },
        Fault("leader_kill", "SIGKILL of the leader with a standby") { lab in
            let leader = try lab.startCoordinator()
            try await lab.waitUntil("it leads", within: .seconds(20)) {
                try await lab.number("SELECT count(*) FROM leader WHERE expires_at > now()") == 1
            }
            try lab.startCoordinator()
            try lab.startWorker()
            try await lab.enqueueMixed(lab.scale.pick(short: 200, full: 2_000))
            let term = try await lab.number("SELECT term FROM leader")
            let mark = FaultLab.now()
            leader.killNow()
            try await lab.underLoad {
                try await lab.waitUntil("the standby leads", within: lab.scale.lease + .seconds(30)) {
                    try await lab.number("SELECT term FROM leader") > term
                }
            }
            return Double(FaultLab.now() - mark) / 1e6
        },
    ]

    static let redisFaults: [Fault] = [
        Fault("redis_flush", "FLUSHALL with a full queue") { lab in
            let count = lab.scale.pick(short: 3_000, full: 100_000)
            try await lab.enqueue(count) { $0.isQuiet = true }
            try lab.startCoordinator()
            try lab.startWorker(concurrency: 50)
            try await lab.waitForCompletions(Int64(count / 20))
            let mark = FaultLab.now()
            try await lab.redisCommand(["FLUSHALL"])
            lab.note("\(try await lab.number("SELECT count(*) FROM tasks")) of \(count) were queued")
            try await lab.waitForCompletions(try await lab.completedCount() + 1)
            return try await lab.claimAfter(mark)
        },
        Fault("redis_kill", "SIGKILL of Redis, restarted empty") { lab in
            try lab.startCoordinator()
            try lab.startWorker()
            try await lab.enqueueMixed(200)
            try await lab.waitForCompletions(20)
            let mark = FaultLab.now()
            try await lab.redis.kill()
            try await lab.redis.start()
            try await lab.underLoad { try await Task.sleep(for: .seconds(1)) }
            return try await lab.claimAfter(mark)
        },
        Fault("redis_down", "Redis away") { lab in
            try lab.startCoordinator()
            try lab.startWorker()
            try await lab.enqueueMixed(60)
            try await lab.waitForCompletions(20)
            let away = lab.scale.pick(short: 10, full: 60)
            lab.note("away for \(away) s; time from its end")
            let before = try await lab.completedCount()
            try await lab.redis.kill()
            let mark = FaultLab.now()
            try await lab.underLoad { try await Task.sleep(for: .seconds(away)) }
            let meanwhile = try await lab.completedCount() - before
            guard meanwhile > 0 else { throw LabFailure("nothing was done while Redis was away") }
            lab.note("\(meanwhile) tasks done meanwhile")
            try await lab.redis.start()
            return try await lab.claimAfter(mark)
        },
        Fault("redis_full", "Redis at maxmemory, refusing writes") { lab in
            try lab.startCoordinator()
            try lab.startWorker()
            try await lab.enqueueMixed(100)
            try await lab.waitForCompletions(20)
            try await lab.redisCommand(["CONFIG", "SET", "maxmemory", "1"])
            let mark = FaultLab.now()
            try await lab.underLoad { try await Task.sleep(for: .seconds(lab.scale.pick(short: 5, full: 30))) }
            try await lab.redisCommand(["CONFIG", "SET", "maxmemory", "0"])
            return try await lab.claimAfter(mark)
        },
        Fault("redis_slow", "50 ms on the way to Redis") { lab in
            lab.redisProxy.delay(milliseconds: 50)
            try lab.startCoordinator()
            try lab.startWorker(extra: lab.proxiedRedis)
            let mark = FaultLab.now()
            try await lab.enqueueMixed(300)
            try await lab.waitForCompletions(200)
            return try await lab.claimAfter(mark)
        },
    ]

    static let postgresFaults: [Fault] = [
        Fault("postgres_restart", "PostgreSQL crashes and restarts", isAlone: true) { lab in
            try lab.startCoordinator()
            try lab.startWorker()
            try await lab.enqueueMixed(300)
            try await lab.waitForCompletions(30)
            try await lab.underLoad { try await lab.restartServer() }
            let mark = FaultLab.now()
            try await lab.underLoad { try await Task.sleep(for: .seconds(2)) }
            lab.note("time from when it answered again")
            return try await lab.claimAfter(mark)
        },
        Fault("postgres_terminate", "a stream of pg_terminate_backend") { lab in
            try lab.startCoordinator()
            try lab.startWorker()
            try lab.startWorker()
            try await lab.enqueueMixed(200)
            let mark = FaultLab.now()
            let count = lab.scale.pick(short: 60, full: 400)
            try await lab.underLoad {
                for _ in 0..<count {
                    try await lab.terminate(limit: 1)
                    try await Task.sleep(for: .milliseconds(100))
                }
            }
            lab.note("\(count) sessions ended")
            return try await lab.claimAfter(mark)
        },
        Fault("postgres_full", "no connection to be had") { lab in
            try lab.startCoordinator()
            try lab.startWorker()
            try await lab.enqueueMixed(200)
            try await lab.waitForCompletions(20)
            let away = lab.scale.pick(short: 8, full: 40)
            try await lab.superuserScript("ALTER DATABASE \(lab.database) CONNECTION LIMIT 0")
            try await lab.terminate(limit: 100)
            try await Task.sleep(for: .seconds(away))
            try await lab.superuserScript("ALTER DATABASE \(lab.database) CONNECTION LIMIT -1")
            let mark = FaultLab.now()
            lab.note("for \(away) s; time from its end")
            try await lab.waitForCompletions(try await lab.completedCountPatiently() + 1)
            return try await lab.claimAfter(mark)
        },
        Fault("postgres_idle", "a transaction left open, holding xmin") { lab in
            try lab.startCoordinator()
            try lab.startWorker()
            let open = lab.scale.pick(short: 20, full: 600)
            let mark = FaultLab.now()
            try await lab.withOpenTransaction {
                try await lab.underLoad { try await Task.sleep(for: .seconds(open)) }
            }
            lab.note("for \(open) s")
            return try await lab.claimAfter(mark)
        },
        Fault("postgres_timeout", "the hot table locked: lock time-outs") { lab in
            try lab.startCoordinator()
            try lab.startWorker()
            try await lab.enqueueMixed(200)
            try await lab.waitForCompletions(20)
            // Longer than the clients' lock time-out of 10 s, and than a short lease.
            let locked = lab.scale.pick(short: 12, full: 25)
            try await lab.lockTasks(for: .seconds(locked))
            let mark = FaultLab.now()
            lab.note("for \(locked) s; time from its end")
            try await lab.underLoad { try await Task.sleep(for: .seconds(1)) }
            return try await lab.claimAfter(mark)
        },
    ]

    static let networkFaults: [Fault] = [
        partition("partition_postgres", "a worker cut off from PostgreSQL, both ways", requests: true),
        partition("half_open_postgres", "a worker whose answers from PostgreSQL are lost", requests: false),
        Fault("partition_redis", "a worker cut off from Redis") { lab in
            try lab.startCoordinator()
            try lab.startWorker(extra: lab.proxiedRedis)
            try await lab.enqueueMixed(100)
            try await lab.waitForCompletions(20)
            lab.redisProxy.cut(requests: true, replies: true)
            let mark = FaultLab.now()
            try await lab.underLoad { try await Task.sleep(for: .seconds(lab.scale.pick(short: 10, full: 30))) }
            lab.redisProxy.heal()
            try await lab.waitForCompletions(try await lab.completedCount() + 1)
            return try await lab.claimAfter(mark)
        },
    ]

    /// One worker is cut off past its lease and comes back; another one does its tasks. What the first had sent arrives late.
    private static func partition(_ name: String, _ title: String, requests: Bool) -> Fault {
        Fault(name, title) { lab in
            try lab.startCoordinator()
            let cut = try lab.startWorker(extra: lab.proxiedDatabase)
            try await lab.enqueue(8) {
                $0.milliseconds = 1_000
                $0.isStubborn = true
            }
            try await lab.waitUntil("it is at work", within: .seconds(30)) {
                try await lab.held(by: cut.pid).count >= 4
            }
            let victims = try await lab.held(by: cut.pid)
            lab.databaseProxy.cut(requests: requests, replies: true)
            let mark = FaultLab.now()
            try lab.startWorker()
            try await lab.enqueueMixed(100)
            try await lab.waitUntil("the others have done its tasks", within: lab.scale.lease + .seconds(90)) {
                try await lab.number("SELECT count(*) FROM tasks WHERE id = ANY ($1)", [.int8Array(victims)]) == 0
            }
            let again = try await lab.rerun(of: victims, after: mark)
            lab.databaseProxy.heal()
            try await lab.enqueueMixed(60, from: 1_000)
            return again
        }
    }
}
