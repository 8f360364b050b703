internal import SluiceCore
internal import SluicePostgres
internal import SluiceQueue
internal import SluiceService
internal import SluiceStore
internal import SluiceSystem
internal import Synchronization

/// Whether a machine at full load is mistaken for dead workers: leases that are lost though nobody died.
struct BusyBench {
    struct Result: Encodable {
        let minutes: Double
        let burning_threads: Int
        let cores: Int
        let tasks: Int
        let tasks_per_s: Double
        /// Attempts that the rescuer took away. Any is a false rescue.
        let false_rescues: Int
        /// Settlements refused for an old token.
        let stale: Int
        /// The longest time between two renewals of the worker's lease, by the database's clock, in seconds, as seen by looks
        /// a tenth of a second apart.
        let longest_silence_s: Double
    }

    let settings: Settings
    let minutes: Double
    let burners: Int
    let concurrency: Int

    func run() async throws -> Result {
        // Some attempts last longer than a lease, so that only renewals keep them.
        let fleet = try NoopFleet(settings, concurrency: concurrency) { task in
            if task.id.rawValue % 10_000 < 20 { try await Task.sleep(for: .seconds(40)) }
        }
        defer { fleet.store.close() }
        let stop = Flag()
        for number in 0..<burners {
            PinnedThread.detach(name: "burn-\(number)") {
                var value: UInt64 = 88_172_645_463_325_252
                while !stop.isSet {
                    for _ in 0..<100_000 {
                        value ^= value << 13
                        value ^= value >> 7
                        value ^= value << 17
                    }
                    stop.note(value)
                }
            }
        }
        defer { stop.set() }
        let started = Instant.now
        let (enqueued, silence) = try await fleet.run {
            var enqueued = 0
            var silence = 0.0
            while started.elapsed.inSeconds < minutes * 60 {
                if enqueued - fleet.seen.count < 5_000 {
                    try await fleet.enqueue(2_000)
                    enqueued += 2_000
                }
                silence = max(silence, try await longestSilence(fleet.store))
                try await Task.sleep(for: .milliseconds(100))
            }
            return (enqueued, silence)
        }
        let seconds = started.elapsed.inSeconds
        stop.set()
        let lost = try await count(fleet.store, "SELECT count(*) FROM attempts WHERE outcome IN ('lost', 'deadline')")
        return Result(
            minutes: (seconds / 6).rounded() / 10,
            burning_threads: burners,
            cores: Environment.coreCount(),
            tasks: enqueued,
            tasks_per_s: (Double(fleet.seen.count) / seconds).rounded(),
            false_rescues: lost,
            stale: fleet.stale,
            longest_silence_s: (silence * 100).rounded() / 100
        )
    }

    private func longestSilence(_ store: Store) async throws -> Double {
        try await store.pool.query(
            Statement(
                "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - heartbeat_at)), 0)::float8 FROM workers"
                    + " WHERE role = 'worker' AND state NOT IN ('lost', 'stopped')"
            ) { row throws(PostgresError) in try row.float8(0) }
        ).first ?? 0
    }

    private func count(_ store: Store, _ sql: String) async throws -> Int {
        try await store.pool.query(Statement(sql) { row throws(PostgresError) in Int(try row.int64(0)) }).first ?? 0
    }

    /// Ends the burning threads, and takes their results so that the work is not optimised away.
    private final class Flag: Sendable {
        private let ended = Atomic(false)
        private let value = Atomic<UInt64>(0)

        var isSet: Bool { ended.load(ordering: .relaxed) }
        func set() { ended.store(true, ordering: .relaxed) }
        func note(_ number: UInt64) { value.store(number, ordering: .relaxed) }
    }
}
