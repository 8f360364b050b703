internal import Glibc
internal import SluiceCore
internal import SluicePostgres
internal import SluiceSystem

extension Fault {
    static let workerFaults: [Fault] = [
        Fault("worker_kill", "SIGKILL of workers, again and again, at random moments") { lab in
            try lab.startCoordinator()
            var workers = [try lab.startWorker(), try lab.startWorker()]
            try await lab.enqueueMixed(lab.scale.pick(short: 300, full: 3_000))
            var worst: Double?
            for _ in 0..<lab.scale.pick(short: 3, full: 12) {
                try await Task.sleep(for: .milliseconds(Int.random(in: 300...1_500)))
                let index = Int.random(in: 0..<2)
                try await lab.enqueue(20) { $0.milliseconds = 400 }
                try await lab.waitUntil("the victim works", within: .seconds(60)) {
                    try await !lab.held(by: workers[index].pid).isEmpty
                }
                let victims = try await lab.held(by: workers[index].pid)
                let mark = FaultLab.now()
                workers[index].killNow()
                workers[index] = try lab.startWorker()
                try await lab.waitUntil("its tasks run again", within: lab.scale.lease + .seconds(60)) {
                    try await lab.number("SELECT count(*) FROM tasks WHERE id = ANY ($1)", [.int8Array(victims)]) == 0
                }
                worst = [worst, try await lab.rerun(of: victims, after: mark)].compactMap(\.self).max()
            }
            return worst
        },
        Fault("fail_points", "SIGKILL at each point between claim, effect and settle") { lab in
            try lab.startCoordinator()
            try await lab.enqueueMixed(lab.scale.pick(short: 300, full: 1_500))
            let doomed = try FailPoint.allCases.map { point in
                (point, try lab.startWorker(concurrency: 4, extra: ["SLUICE_FAILPOINT": "\(point.rawValue):2"]))
            }
            for (point, worker) in doomed {
                var number = 200_000
                try await lab.waitUntil("a worker ends at \(point.rawValue)", within: .seconds(60)) {
                    if worker.ending != nil { return true }
                    // There must be work to die of.
                    try await lab.enqueueMixed(20, from: number)
                    number += 20
                    return false
                }
                guard worker.ending == .signalled(SIGKILL) else {
                    throw LabFailure("the worker for \(point.rawValue) ended otherwise")
                }
            }
            lab.note("\(doomed.count) points")
            let back = FaultLab.now()
            try lab.startWorker()
            try lab.startWorker()
            try await lab.waitForCompletions(try await lab.completedCount() + 1)
            return try await lab.claimAfter(back)
        },
        Fault("worker_stop", "SIGSTOP of a worker past its lease, then SIGCONT") { lab in
            try lab.startCoordinator()
            let zombie = try lab.startWorker()
            try await lab.enqueue(8) {
                $0.milliseconds = 2_000
                $0.isStubborn = true
            }
            try await lab.waitUntil("the worker is at work", within: .seconds(30)) {
                try await lab.number("SELECT count(*) FROM lab_starts") >= 8
            }
            let victims = try await lab.held(by: zombie.pid)
            let mark = FaultLab.now()
            zombie.send(SIGSTOP)
            try lab.startWorker()
            try await lab.waitUntil("the others have done its tasks", within: lab.scale.lease + .seconds(60)) {
                try await lab.number("SELECT count(*) FROM lab_effects WHERE worker <> $1", [.int4(Int(zombie.pid))])
                    >= 8
            }
            zombie.send(SIGCONT)
            try await lab.waitUntil("the zombie is refused", within: .seconds(30)) {
                try await lab.number("SELECT count(*) FROM lab_refusals") >= Int64(victims.count)
            }
            // It works on, under another lease.
            try await lab.enqueueMixed(60)
            return try await lab.rerun(of: victims, after: mark)
        },
        Fault("worker_oom", "a worker that runs out of memory (rlimit)") { lab in
            try lab.startCoordinator()
            let program = (Environment.executablePath() ?? "faultlab")
            let limit = "ulimit -v 3000000; exec '\(program)' worker --concurrency 4"
            let doomed = try lab.launch("/bin/sh", ["-c", limit], extra: [:])
            try await lab.enqueueMixed(60)
            try await lab.waitForCompletions(20)
            try await lab.enqueue(1) { $0.hogsMemory = true }
            try await lab.waitUntil("the worker has died of it", within: .seconds(60)) { doomed.ending != nil }
            let mark = FaultLab.now()
            let victims = try await lab.held(by: doomed.pid)
            lab.note("\(victims.count) tasks were on it")
            try lab.startWorker()
            try await lab.waitUntil("its tasks are done", within: lab.scale.lease + .seconds(60)) {
                try await lab.number("SELECT count(*) FROM tasks") == 0
            }
            return try await lab.rerun(of: victims, after: mark)
        },
        Fault("clock_skew", "workers whose clocks are 60 s ahead and behind") { lab in
            try lab.startCoordinator()
            guard let library = Environment.value("SLUICE_FAULTS_SKEW") else {
                throw LabFailure("there is no C compiler to make the library that shifts clocks")
            }
            try lab.startWorker(extra: ["LD_PRELOAD": library, "SKEW_SECONDS": "60"])
            try lab.startWorker(extra: ["LD_PRELOAD": library, "SKEW_SECONDS": "-60"])
            let mark = FaultLab.now()
            try await lab.enqueueMixed(200)
            try await lab.waitUntil("all is done", within: .seconds(90)) {
                try await lab.number("SELECT count(*) FROM tasks") == 0
            }
            let ahead = try await lab.number("SELECT count(*) FROM lab_starts WHERE skew_seconds > 50")
            let behind = try await lab.number("SELECT count(*) FROM lab_starts WHERE skew_seconds < -50")
            let lost = try await lab.number("SELECT count(*) FROM attempts WHERE outcome = 'lost'")
            lab.note("\(ahead) handlers ahead, \(behind) behind, \(lost) leases lost")
            guard ahead > 0, behind > 0 else { throw LabFailure("the clocks were not shifted") }
            return try await lab.claimAfter(mark)
        },
        Fault("deploy", "SIGTERM of the old workers while new ones start") { lab in
            try lab.startCoordinator()
            let old = [try lab.startWorker(), try lab.startWorker()]
            try await lab.enqueue(40) { $0.milliseconds = 1_500 }
            // Longer than the drain: these are released, not counted.
            try await lab.enqueue(4) { $0.milliseconds = 8_000 }
            try await lab.waitUntil("the old ones work", within: .seconds(30)) {
                try await lab.number("SELECT count(*) FROM lab_starts") >= 16
            }
            let mark = FaultLab.now()
            for worker in old { worker.send(SIGTERM) }
            try lab.startWorker()
            try lab.startWorker()
            for worker in old {
                try await lab.waitUntil("an old one ends", within: .seconds(40)) { worker.ending != nil }
                guard worker.ending == .exited(code: 0) else { throw LabFailure("an old worker did not end with 0") }
            }
            let counted = try await lab.number(
                "SELECT count(*) FROM attempts WHERE outcome IN ('lost', 'failed', 'deadline')"
            )
            guard counted == 0 else { throw LabFailure("the deploy cost \(counted) attempts") }
            lab.note("no attempt counted, exit 0")
            return try await lab.claimAfter(mark)
        },
    ]
}
