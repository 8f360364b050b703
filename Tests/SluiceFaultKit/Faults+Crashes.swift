internal import Glibc
internal import SluiceCore
internal import SluicePostgres
internal import SluiceSystem

/// Workers that end with very much on them, and tasks that end workers.
extension Fault {
    static let crashFaults: [Fault] = [
        Fault("worker_kill_full", "SIGKILL of a worker that holds a hundred tasks, and of the next one") { lab in
            try lab.startCoordinator()
            var victim = try lab.startWorker(concurrency: 100)
            try await lab.enqueue(100) { $0.milliseconds = 3_000 }
            var times: [Double] = []
            for round in 1...2 {
                try await lab.waitUntil("it holds all of them", within: lab.scale.lease + .seconds(60)) {
                    try await lab.held(by: victim.pid).count >= 90
                }
                let victims = try await lab.held(by: victim.pid)
                let mark = FaultLab.now()
                victim.killNow()
                victim = try lab.startWorker(concurrency: 100)
                if round == 1 {
                    try await lab.waitUntil("all of them run again", within: lab.scale.lease + .seconds(60)) {
                        try await lab.countStarted(victims, after: mark) == victims.count
                    }
                } else {
                    // Suspects by now: in groups, while others wait or go on elsewhere.
                    try lab.startWorker()
                    try await lab.underLoad {
                        try await lab.waitUntil("all of them are done", within: lab.scale.lease + .seconds(90)) {
                            try await lab.number(
                                "SELECT count(*) FROM tasks WHERE id = ANY ($1)",
                                [.int8Array(victims)]
                            )
                                == 0
                        }
                    }
                }
                if let again = try await lab.rerun(of: victims, after: mark) { times.append(again) }
            }
            guard let first = times.first, first < lab.scale.rerunLimit.inSeconds else {
                throw LabFailure("the first time they ran again after \(times.first ?? 0) s")
            }
            lab.note("after the second one, in groups of twelve: \((times.last ?? 0).rounded()) s")
            return first
        },
        Fault("poison", "a task that ends every worker that runs it, among others") { lab in
            try lab.startCoordinator()
            try await lab.enqueue(1) { $0.kills = true }
            try await lab.enqueueMixed(100)
            var crashes = 0
            var worker = try lab.startWorker()
            let mark = FaultLab.now()
            try await lab.waitUntil(
                "all others are done, it is in quarantine",
                within: lab.scale.lease * 6 + .seconds(60)
            ) {
                if worker.ending != nil {
                    crashes += 1
                    worker = try lab.startWorker()
                }
                return try await lab.number("SELECT count(*) FROM tasks") == 0
            }
            let quarantined = try await lab.number("SELECT count(*) FROM dead_letters WHERE quarantined")
            let innocent = try await lab.number(
                "SELECT count(*) FROM dead_letters WHERE NOT quarantined AND error_class NOT LIKE 'lab.%'"
            )
            guard quarantined == 1, innocent == 0 else {
                throw LabFailure("\(quarantined) in quarantine instead of one, \(innocent) others took its blame")
            }
            lab.note("\(crashes) workers ended, then it was quarantined; time until all others were done")
            return try await lab.lastEndAfter(mark)
        },
    ]
}

extension FaultLab {
    /// How many of these tasks' handlers have begun since a point in time.
    fileprivate func countStarted(_ tasks: [Int64], after mark: Int64) async throws -> Int {
        Int(
            try await number(
                """
                SELECT count(DISTINCT task_id) FROM lab_starts
                WHERE task_id = ANY ($1) AND at > to_timestamp($2::float8 / 1e6)
                """,
                [.int8Array(tasks), .float8(Double(mark))]
            )
        )
    }

    /// Seconds until the last completion.
    fileprivate func lastEndAfter(_ mark: Int64) async throws -> Double? {
        let at = try await number("SELECT (extract(epoch FROM max(finished_at)) * 1e6)::int8 FROM tasks_archive")
        return at == 0 ? nil : Double(at - mark) / 1e6
    }
}
