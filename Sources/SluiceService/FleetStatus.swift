package import SluiceBroker
internal import SluiceCore
package import SluiceRedis
package import SluiceStore

/// The fleet's state with a verdict in words. Pure: what is not known is nil, never 0.
package struct FleetStatus: Sendable {
    package enum Verdict: String, Sendable, Comparable {
        case ok, degraded, down

        package static func < (left: Verdict, right: Verdict) -> Bool { left.rank < right.rank }
        private var rank: Int {
            switch self {
            case .ok: 0
            case .degraded: 1
            case .down: 2
            }
        }
    }

    package let verdict: Verdict
    package let reasons: [String]
    package let snapshot: StatusSnapshot?
    /// Nil when Redis cannot be reached or is not configured.
    package let redis: RedisHealth?
    package let usesRedis: Bool

    /// Seconds after which waiting in a queue is worth a word.
    package static let slowAfter = 300.0

    package init(snapshot: StatusSnapshot?, redis: RedisHealth?, usesRedis: Bool) {
        self.snapshot = snapshot
        self.redis = redis
        self.usesRedis = usesRedis
        var verdict = Verdict.ok
        var reasons: [String] = []
        func add(_ level: Verdict, _ reason: String) {
            verdict = max(verdict, level)
            reasons.append(reason)
        }
        guard let snapshot else {
            self.verdict = .down
            self.reasons = ["PostgreSQL cannot be reached: nothing is known and nothing runs"]
            return
        }
        if usesRedis, let redis {
            if redis.evictionPolicy != "noeviction", redis.evictionPolicy != "?" {
                add(.degraded, "Redis evicts keys (maxmemory-policy \(redis.evictionPolicy)): set noeviction")
            }
        } else if usesRedis {
            add(.degraded, "Redis cannot be reached: workers claim straight from PostgreSQL")
        }
        if snapshot.leader.holder == nil {
            add(.degraded, "no coordinator leads: retries, schedules and rescues wait")
        }
        let lost = snapshot.workers.filter { $0.role == "worker" && !$0.isLeased }
        if !lost.isEmpty { add(.degraded, "\(lost.count) workers stopped renewing their lease") }
        if snapshot.workers.contains(where: { $0.isLeased && $0.isDegraded }) {
            add(.degraded, "some workers have no hints and claim straight from PostgreSQL")
        }
        for queue in snapshot.queues {
            let isServed = snapshot.workers.contains {
                $0.isLeased && $0.role == "worker" && $0.state == "live" && $0.queues.contains(queue.name.rawValue)
            }
            if queue.ready > 0, !isServed {
                add(.down, "queue \(queue.name): \(queue.ready) tasks ready and no worker")
            } else if let age = queue.oldestReadySeconds, age > Self.slowAfter {
                add(.degraded, "queue \(queue.name): the oldest ready task waits for \(Int(age)) s")
            }
            if queue.dead > 0 { add(.degraded, "queue \(queue.name): \(queue.dead) dead letters") }
        }
        for control in snapshot.controls {
            for reason in control.reasons { add(.degraded, reason) }
        }
        if let age = snapshot.server.oldestTransactionSeconds, age > 600 {
            add(.degraded, "a transaction has been open for \(Int(age)) s and keeps dead rows from being removed")
        }
        self.verdict = verdict
        self.reasons = reasons
    }
}

extension FleetStatus {
    /// Asks both servers at once. Never throws: a server that does not answer is a fact to be shown.
    package static func read(_ store: Store, redis: RedisConfiguration?) async -> FleetStatus {
        async let snapshot = try? store.status()
        async let health = redis == nil ? nil : try? RedisHealth.read(redis)
        return FleetStatus(snapshot: await snapshot, redis: await health, usesRedis: redis != nil)
    }
}

extension ControlRecord {
    /// What keeps tasks from running now, in words. Caps and rates are meant, so they are none.
    fileprivate var reasons: [String] {
        var reasons: [String] = []
        if isPaused {
            let end = pausedForSeconds.map { " for \(Int($0.rounded(.up))) s more" } ?? ""
            reasons.append("\(scope) is paused\(end)" + (pauseReason.map { ": \($0)" } ?? ""))
        }
        if let left = slowedForSeconds {
            let why = slowReason.map { ": \($0)" } ?? ""
            reasons.append("\(scope) is slowed down for \(Int(left.rounded(.up))) s more\(why)")
        }
        return reasons
    }
}

extension RedisHealth {
    fileprivate static func read(_ configuration: RedisConfiguration?) async throws -> RedisHealth? {
        guard let configuration else { return nil }
        return try await read(configuration)
    }
}
