internal import CLinux
package import SluiceCore

#if canImport(Glibc)
    internal import Glibc
#endif

/// A thread for loops that must go on whatever the rest of the process does: a task executor with timers of its own.
///
/// `Task.sleep` ends on the cooperative pool even for a task that prefers another executor, so handlers that keep the
/// pool busy would stop lease renewals. Timers armed here fire on this thread and need nobody else.
///
/// The thread ends after `stop()`, once what was enqueued has run; jobs that come later run on a thread of their own
/// making, timers that are armed later never fire.
package final class LoopThread: TaskExecutor {
    private let inbox = LoopInbox()

    /// - Parameter name: at most 15 bytes show up in `ps` and debuggers.
    package init(name: String) { inbox.start(name: name) }

    deinit { inbox.stop() }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        // Keeps the executor until the job has run: jobs refer to it without owning it.
        inbox.submit { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }

    package func stop() { inbox.stop() }

    /// Calls `body` on this thread at `instant`, or soon after. It must not block.
    package func arm(at instant: Instant, _ body: @escaping @Sendable () -> Void) -> LoopTimer {
        LoopTimer(number: inbox.arm(at: instant, body))
    }

    /// Does nothing when it has fired.
    package func disarm(_ timer: LoopTimer) { inbox.disarm(timer.number) }
}

/// Names a timer of a `LoopThread`.
package struct LoopTimer: Sendable {
    fileprivate let number: UInt64
}

// The pointers are written once in `init`; everything else is only touched under the pthread mutex.
private final class LoopInbox: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var pending: [@Sendable () -> Void] = []
    /// A handful, one a waiting loop: scanned, not sorted.
    private var timers: [UInt64: (instant: Instant, body: @Sendable () -> Void)] = [:]
    private var nextTimer: UInt64 = 0
    private var isStopped = false
    private var hasEnded = false
    /// The longest wait, so that a clock that jumped while the machine slept is noticed.
    private static let longestWait = Duration.seconds(1)

    init() {
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func start(name: String) {
        PinnedThread.detach(name: name) { self.loop() }
    }

    func submit(_ work: @escaping @Sendable () -> Void) {
        let ended = locked {
            if !hasEnded { pending.append(work) }
            return hasEnded
        }
        if ended { PinnedThread.detach(name: "late", work) }
    }

    func arm(at instant: Instant, _ body: @escaping @Sendable () -> Void) -> UInt64 {
        locked {
            nextTimer += 1
            timers[nextTimer] = (instant, body)
            return nextTimer
        }
    }

    func disarm(_ number: UInt64) {
        // No wake-up: at worst the thread wakes once for nothing.
        pthread_mutex_lock(mutex)
        timers[number] = nil
        pthread_mutex_unlock(mutex)
    }

    func stop() { locked { isStopped = true } }

    private func locked<Value>(_ body: () -> Value) -> Value {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_signal(condition)
            pthread_mutex_unlock(mutex)
        }
        return body()
    }

    private func loop() {
        while let batch = nextBatch() {
            for work in batch { work() }
        }
    }

    /// Waits for work or a timer that is due; nil when the thread must end.
    private func nextBatch() -> [@Sendable () -> Void]? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            let now = ContinuousClock.now
            var batch = pending
            pending.removeAll(keepingCapacity: true)
            let due = timers.filter { $0.value.instant <= now }.sorted { $0.value.instant < $1.value.instant }
            for (number, timer) in due {
                timers[number] = nil
                batch.append(timer.body)
            }
            if !batch.isEmpty { return batch }
            if isStopped {
                hasEnded = true
                timers.removeAll()
                return nil
            }
            wait(timers.values.map(\.instant).min().map { min($0 - now, Self.longestWait) })
        }
    }

    private func wait(_ limit: Duration?) {
        guard let limit else {
            pthread_cond_wait(condition, mutex)
            return
        }
        var until = timespec()
        clock_gettime(CLOCK_MONOTONIC, &until)
        let (seconds, attoseconds) = limit.components
        let nanoseconds = Int64(until.tv_nsec) + attoseconds / 1_000_000_000 + 1
        until.tv_sec += Int(seconds) + Int(nanoseconds / 1_000_000_000)
        until.tv_nsec = Int(nanoseconds % 1_000_000_000)
        pthread_cond_timedwait(condition, mutex, &until)
    }
}
