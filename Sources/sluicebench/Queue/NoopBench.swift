internal import SluiceCore
internal import SluiceQueue
internal import SluiceService
internal import SluiceStore

/// No-op tasks through the whole engine: PostgreSQL, Redis, a coordinator and a worker in this process.
struct NoopBench {
    struct Result: Encodable {
        let tasks: Int
        let enqueue_per_s: Double
        /// From the worker's start, with everything enqueued, until every task's row stands in the archive.
        let drain_per_s: Double
        /// Enqueued, dispatched, run and settled, one after the other.
        let end_to_end_per_s: Double
        /// Transactions of the whole database while it drained; each is one round trip here.
        let transactions_per_task: Double
        /// An idle fleet, one task at a time.
        let pickup_p50_ms: Double
        let pickup_p99_ms: Double
        /// At half of the end-to-end rate.
        let load_per_s: Double
        let load_pickup_p50_ms: Double
        let load_pickup_p99_ms: Double
    }

    let settings: Settings
    let tasks: Int
    let concurrency: Int

    func run() async throws -> Result {
        let fleet = try NoopFleet(settings, concurrency: concurrency)
        defer { fleet.store.close() }
        let (books, seen) = (fleet.books, fleet.seen)
        let enqueueStart = ContinuousClock.now
        try await fleet.enqueue(tasks)
        let enqueueTime = enqueueStart.elapsed.inSeconds
        let transactionsBefore = try await books.transactions()
        let drainStart = ContinuousClock.now
        return try await fleet.run {
            try await seen.wait(for: tasks)
            try await fleet.settle(tasks)
            let drainTime = drainStart.elapsed.inSeconds
            let transactions = try await books.transactions() - transactionsBefore
            guard seen.count == tasks else {
                throw BenchFailure("\(tasks) tasks were enqueued, but \(seen.count) attempts started")
            }
            seen.recordTimes()
            let idle = try await pickUps(fleet)
            let endToEnd = Double(tasks) / (enqueueTime + drainTime)
            let load = try await pickUps(atRate: endToEnd / 2, for: .seconds(8), fleet)
            return Result(
                tasks: tasks,
                enqueue_per_s: (Double(tasks) / enqueueTime).rounded(),
                drain_per_s: (Double(tasks) / drainTime).rounded(),
                end_to_end_per_s: endToEnd.rounded(),
                transactions_per_task: Double(transactions) / Double(tasks),
                pickup_p50_ms: quantile(idle, 0.5),
                pickup_p99_ms: quantile(idle, 0.99),
                load_per_s: load.rate.rounded(),
                load_pickup_p50_ms: quantile(load.times, 0.5),
                load_pickup_p99_ms: quantile(load.times, 0.99)
            )
        }
    }

    /// From the return of the enqueue's commit to the handler's start, one task at a time on an idle fleet.
    private func pickUps(_ fleet: NoopFleet) async throws -> [Double] {
        let (enqueuer, seen) = (fleet.enqueuer, fleet.seen)
        let task = try NewTask(NoopInput(), tenant: .default)
        var times: [Double] = []
        for _ in 0..<300 {
            let before = ContinuousClock.now
            let id = try await enqueuer.enqueue([task])[0].id
            while seen.time(of: id) == nil { try await Task.sleep(for: .milliseconds(1)) }
            guard let at = seen.time(of: id) else { continue }
            // The commit lies between the call and the return; counted from the call, nothing is flattered.
            times.append((at - before).inSeconds * 1_000)
            try await Task.sleep(for: .milliseconds(5))
        }
        return times.sorted()
    }

    /// From the call to the handler's start, of all tasks of a steady load in batches of twenty.
    private func pickUps(
        atRate rate: Double,
        for length: Duration,
        _ fleet: NoopFleet
    ) async throws -> (times: [Double], rate: Double) {
        let (enqueuer, seen) = (fleet.enqueuer, fleet.seen)
        let batch = 20
        let tasks = [NewTask](repeating: try NewTask(NoopInput(), tenant: .default), count: batch)
        let pause = Duration.seconds(Double(batch) / rate)
        let start = ContinuousClock.now
        var called: [(at: Instant, ids: [TaskID])] = []
        var next = start
        while start.elapsed < length {
            let at = ContinuousClock.now
            called.append((at, try await enqueuer.enqueue(tasks).map(\.id)))
            next += pause
            // When the machine cannot keep the pace the rate that it kept is what counts.
            if next > .now { try await Task.sleep(until: next) } else { next = .now }
        }
        let kept = Double(called.count * batch) / start.elapsed.inSeconds
        guard let last = called.last?.ids.last else { return ([], 0) }
        while seen.time(of: last) == nil { try await Task.sleep(for: .milliseconds(5)) }
        var times: [Double] = []
        // The first second warms caches.
        for call in called where call.at - start > .seconds(1) {
            for id in call.ids {
                while seen.time(of: id) == nil { try await Task.sleep(for: .milliseconds(5)) }
                if let started = seen.time(of: id) { times.append((started - call.at).inSeconds * 1_000) }
            }
        }
        return (times.sorted(), kept)
    }
}
