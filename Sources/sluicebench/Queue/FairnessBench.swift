internal import SluiceBroker
internal import SluiceCore
internal import SluiceQueue
internal import SluiceService
internal import SluiceStore
internal import SluiceSystem
internal import Synchronization

/// One tenant has very much queued; another comes with a little. How long does the little wait?
struct FairnessBench {
    struct Result: Encodable {
        let noisy: Int
        let quiet: Int
        let noisy_left_when_quiet_came: Int
        /// The most ids that lay in the queue's window at once.
        let window: Int
        /// From the return of the enqueue to the start of the handler.
        let wait_ms_p50: Double
        let wait_ms_p95: Double
        let wait_ms_max: Double
        /// Tasks of the noisy tenant that started meanwhile, in windows.
        let wait_windows_p50: Double
        let wait_windows_p95: Double
        let wait_windows_max: Double
    }

    let settings: Settings
    let noisy: Int
    let quiet: Int
    let concurrency: Int

    func run() async throws -> Result {
        guard let hints = try settings.makeHints() else { throw BenchFailure("this benchmark needs SLUICE_REDIS_URL") }
        defer { hints.close() }
        let loud = TenantID(trusted: "noisy")
        let still = TenantID(trusted: "quiet")
        let starts = Starts()
        let fleet = try NoopFleet(settings, concurrency: concurrency) { task in
            starts.started(task.id, isQuiet: task.tenant == still)
        }
        defer { fleet.store.close() }
        for tenant in [loud, still] { try await fleet.store.ensureTenant(tenant) }
        try await fleet.enqueue(noisy, tenant: loud)
        return try await fleet.run {
            // Warm, and far from the end.
            try await fleet.seen.wait(for: noisy / 10)
            var window = RelayWindow.smallest
            for _ in 0..<20 {
                window = max(window, try await hints.windowCounts([NoopInput.queue])[NoopInput.queue] ?? 0)
                try await Task.sleep(for: .milliseconds(5))
            }
            starts.begin()
            let before = ContinuousClock.now
            try await fleet.enqueue(quiet, tenant: still)
            let left = noisy - fleet.seen.count
            while starts.count < quiet {
                window = max(window, try await hints.windowCounts([NoopInput.queue])[NoopInput.queue] ?? 0)
                try await Task.sleep(for: .milliseconds(2))
            }
            try await fleet.seen.wait(for: noisy + quiet)
            try await fleet.settle(noisy + quiet)
            let found = starts.found
            let times = found.map { ($0.at - before).inSeconds * 1_000 }.sorted()
            let windows = found.map { Double($0.noisyBefore) / Double(window) }.sorted()
            return Result(
                noisy: noisy,
                quiet: quiet,
                noisy_left_when_quiet_came: left,
                window: window,
                wait_ms_p50: quantile(times, 0.5),
                wait_ms_p95: quantile(times, 0.95),
                wait_ms_max: times.last ?? .nan,
                wait_windows_p50: quantile(windows, 0.5),
                wait_windows_p95: quantile(windows, 0.95),
                wait_windows_max: windows.last ?? .nan
            )
        }
    }
}

/// Starts of the quiet tenant's tasks, each with how many noisy ones started since the quiet ones were enqueued.
private final class Starts: Sendable {
    struct Start: Sendable {
        let at: Instant
        let noisyBefore: Int
    }

    private struct State {
        var noisy: Int?
        var found: [Start] = []
    }

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.found.count } }
    var found: [Start] { state.withLock { $0.found } }

    func begin() { state.withLock { $0.noisy = 0 } }

    func started(_ id: TaskID, isQuiet: Bool) {
        state.withLock { state in
            guard let noisy = state.noisy else { return }
            if isQuiet {
                state.found.append(Start(at: .now, noisyBefore: noisy))
            } else {
                state.noisy = noisy + 1
            }
        }
    }
}
