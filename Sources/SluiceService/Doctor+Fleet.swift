internal import SluiceBroker
internal import SluiceCore
internal import SluiceRedis
internal import SluiceStore

/// What a doctor asks of a fleet that runs: sessions, clocks, what holds dead rows, whether Redis agrees with PostgreSQL.
extension Doctor {
    func fleet() async -> [Finding] {
        do {
            return Self.findings(try await store.fleetFacts(), settings)
        } catch {
            return [Finding(check: "fleet", verdict: .failure, message: "\(error)")]
        }
    }

    /// Pure, for tests.
    static func findings(_ facts: FleetFacts, _ settings: Settings) -> [Finding] {
        var findings: [Finding] = []
        func add(_ check: String, _ isWell: Bool, _ well: String, _ ill: String, _ level: Finding.Verdict = .warning) {
            findings.append(Finding(check: check, verdict: isWell ? .ok : level, message: isWell ? well : ill))
        }
        add(
            "sessions",
            facts.missingSettings.isEmpty,
            facts.isPooled ? "behind a pooler, which passes the fleet's settings on" : "connected directly",
            "the settings \(facts.missingSettings.joined(separator: ", ")) do not reach the server: a pooler drops them; "
                + "set them as the role's defaults (deploy/roles.sql), or let it pass `options`",
            .failure
        )
        let skew = facts.clockSkewSeconds
        add(
            "clock",
            abs(skew) < 5,
            "agrees with the database's",
            "this machine is \(Int(abs(skew).rounded())) s \(skew > 0 ? "behind" : "ahead of") the database: tasks do not "
                + "mind, but logs and what you read here will mislead; set the time by NTP"
        )
        let isBloated = facts.deadTaskRows > 100_000 && facts.deadTaskRows > 5 * max(1, facts.liveTasks)
        let blame = facts.horizon.map { "; \($0.holder) holds them, \($0.age) transactions old" } ?? ""
        add(
            "dead rows",
            !isBloated,
            "\(facts.deadTaskRows) in the hot table",
            "\(facts.deadTaskRows) in the hot table against \(facts.liveTasks) live ones\(blame)"
        )
        if let horizon = facts.horizon, horizon.age > 1_000_000 {
            add("horizon", false, "", "\(horizon.holder) keeps row versions \(horizon.age) transactions old; end it")
        }
        add(
            "archive",
            facts.strayArchiveRows == 0,
            "all in day partitions",
            "settled tasks lie outside of the day partitions: no coordinator made them in time; is one running?"
        )
        add(
            "versions",
            facts.versions.count <= 1,
            facts.versions.first.map { "all of \($0)" } ?? "nobody runs",
            "\(facts.versions.joined(separator: " and ")) run side by side: fine during a deploy, not for long"
        )
        let lag = facts.relayLagSeconds ?? 0
        add(
            "coordinator",
            facts.isLed && lag < 30,
            "one leads",
            facts.isLed
                ? "the relay is \(Int(lag)) s behind; look at the leader's log"
                : "none leads: retries, schedules and rescues wait; start one"
        )
        if let grace = settings.terminationGrace {
            let needed = settings.drainTimeout + .seconds(5)
            add(
                "grace period",
                grace >= needed,
                "\(Int(grace.inSeconds)) s, enough to drain",
                "\(Int(grace.inSeconds)) s until the process is killed, but draining takes up to "
                    + "\(Int(settings.drainTimeout.inSeconds)) s: raise it to \(Int(needed.inSeconds)) s, or lower "
                    + "SLUICE_DRAIN_TIMEOUT_SECONDS"
            )
        }
        return findings
    }

    /// Redis may know less than PostgreSQL, never more for longer than a moment.
    func divergence() async -> [Finding] {
        guard let configuration = try? settings.redisConfiguration() else { return [] }
        let hints = RedisTaskHints(configuration, prefix: settings.redisPrefix)
        do {
            let first = try await strays(hints)
            // What was claimed or settled between the two reads is gone from both a moment later.
            if !first.isEmpty { try await Task.sleep(for: .seconds(2)) }
            let stale = first.isEmpty ? [] : first.intersection(try await strays(hints))
            return [
                Finding(
                    check: "hints",
                    verdict: stale.isEmpty ? .ok : .warning,
                    message: stale.isEmpty
                        ? "every id in Redis is a live task"
                        : "\(stale.count) ids in Redis are of no live task: harmless, but they should be gone within "
                            + "seconds; workerctl rebuild-redis"
                )
            ]
        } catch {
            return [Finding(check: "hints", verdict: .warning, message: "\(error)")]
        }
    }

    private func strays(_ hints: RedisTaskHints) async throws -> Set<TaskID> {
        var ids: [TaskID] = []
        for queue in try await store.status().queues { ids += try await hints.windowIDs(queue.name) }
        return Set(try await store.withoutTask(among: ids))
    }
}
