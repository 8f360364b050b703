internal import Logging
internal import SluiceCore
internal import SluicePostgres
internal import SluiceService
internal import SluiceStore

/// What a transaction that is left open costs: it keeps the dead rows of the hot table from being removed.
struct HeldBench {
    struct Result: Encodable {
        let minutes: Double
        /// Enqueued, run and settled at the same time, without the open transaction.
        let before_per_s: Double
        /// The last minute (or quarter, when shorter) with it.
        let held_per_s: Double
        /// The worst ten seconds with it.
        let worst_per_s: Double
        let lost_share: Double
        /// Each ten seconds of the time with it.
        let curve: [Double]
    }

    private static let slice = Duration.seconds(10)
    /// Kept waiting, so that the worker always finds work.
    private static let backlog = 10_000

    let settings: Settings
    let minutes: Double
    let concurrency: Int

    func run() async throws -> Result {
        let fleet = try NoopFleet(settings, concurrency: concurrency)
        defer { fleet.store.close() }
        return try await fleet.run {
            var enqueued = 0
            // Two slices warm up, three are the measure.
            _ = try await rate(fleet, &enqueued)
            _ = try await rate(fleet, &enqueued)
            var before: [Double] = []
            for _ in 0..<3 { before.append(try await rate(fleet, &enqueued)) }
            var curve: [Double] = []
            let slices = max(4, Int((minutes * 60 / Self.slice.inSeconds).rounded()))
            // A snapshot is taken and kept: from here on nothing that dies is removed.
            let held = settings.makeStore("sluicebench-held", poolSize: 1, logger: .line("sluicebench", level: "error"))
            defer { held.close() }
            try await held.pool.transaction(readOnly: true, repeatableRead: true) { transaction in
                try await transaction.execute(Statement("SELECT count(*) FROM queues"))
                for _ in 0..<slices {
                    curve.append(try await rate(fleet, &enqueued))
                    // Our own sessions may not be idle for ever; those of other applications may.
                    try await transaction.execute(Statement("SELECT 1"))
                }
                try await transaction.execute(Statement("SELECT count(*) FROM queues"))
            }
            try await fleet.seen.wait(for: enqueued)
            try await fleet.settle(enqueued)
            let base = before.reduce(0, +) / Double(before.count)
            let tail = curve.suffix(min(6, max(1, curve.count / 4)))
            let end = tail.reduce(0, +) / Double(tail.count)
            return Result(
                minutes: Double(slices) * Self.slice.inSeconds / 60,
                before_per_s: base.rounded(),
                held_per_s: end.rounded(),
                worst_per_s: (curve.min() ?? 0).rounded(),
                lost_share: 1 - end / base,
                curve: curve.map { $0.rounded() }
            )
        }
    }

    /// Tasks started a second over one slice, while others are enqueued.
    private func rate(_ fleet: NoopFleet, _ enqueued: inout Int) async throws -> Double {
        let start = ContinuousClock.now
        let from = fleet.seen.count
        while start.elapsed < Self.slice {
            if enqueued - fleet.seen.count < Self.backlog {
                try await fleet.enqueue(2_000)
                enqueued += 2_000
            } else {
                try await Task.sleep(for: .milliseconds(5))
            }
        }
        return Double(fleet.seen.count - from) / start.elapsed.inSeconds
    }
}
