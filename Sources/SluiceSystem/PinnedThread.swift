internal import CLinux

#if canImport(Glibc)
    internal import Glibc
#endif

/// A serial executor that owns one OS thread: a blocking C call on it stalls only what is pinned to it, never the
/// cooperative pool, which has as many threads as the machine has cores.
///
/// The thread starts with the executor and ends when `stop()` was called and everything enqueued before has run, or when
/// the last reference goes.
package final class PinnedThread: SerialExecutor, TaskExecutor {
    private let inbox: ThreadInbox

    /// - Parameter name: at most 15 bytes show up in `ps` and debuggers.
    package init(name: String) {
        let inbox = ThreadInbox()
        self.inbox = inbox
        inbox.start(name: name)
    }

    deinit { inbox.stop() }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let serial = asUnownedSerialExecutor()
        inbox.submit { job.runSynchronously(on: serial) }
    }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    /// Lets the thread end after what is enqueued now. Later work still runs, on a thread of its own making: a dropped job
    /// would be a task that never resumes.
    package func stop() { inbox.stop() }

    /// Runs `body` on this thread after what was submitted before, without waiting for it.
    package func submit(_ body: @escaping @Sendable () -> Void) { inbox.submit(body) }

    /// Runs blocking `body` on this thread and resumes the caller with its result. Not cancellable once it runs.
    package func run<Value: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let result: Result<Value, Failure> = await withCheckedContinuation { continuation in
            inbox.submit {
                do throws(Failure) {
                    continuation.resume(returning: .success(try body()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }

    /// Runs `body` on a thread of its own, once, and ends that thread: for loops that block for the life of the process.
    package static func detach(name: String, _ body: @escaping @Sendable () -> Void) {
        let inbox = ThreadInbox()
        inbox.start(name: name)
        inbox.submit(body)
        inbox.stop()
    }
}

/// What a thread waits on: a list of closures behind a pthread condition.
///
/// Swift's `Mutex` has no condition variable, so this is the one place that uses pthread's own.
// The pointers are written once in `init`; what they point to is only touched under the pthread mutex.
private final class ThreadInbox: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var pending: [@Sendable () -> Void] = []
    private var isStopped = false
    private var hasEnded = false

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func start(name: String) {
        var thread = pthread_t()
        let start = ThreadStart(inbox: self, name: name)
        let status = pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
                sluice_name_thread(start.name)
                start.inbox.loop()
                return nil
            },
            Unmanaged.passRetained(start).toOpaque()
        )
        precondition(status == 0, "the system refused a thread (error \(status)); raise the limit on processes")
        pthread_detach(thread)
    }

    func submit(_ work: @escaping @Sendable () -> Void) {
        pthread_mutex_lock(mutex)
        let ended = hasEnded
        if !ended { pending.append(work) }
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
        if ended { PinnedThread.detach(name: "late", work) }
    }

    func stop() {
        pthread_mutex_lock(mutex)
        isStopped = true
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    private func loop() {
        while true {
            pthread_mutex_lock(mutex)
            while pending.isEmpty && !isStopped { pthread_cond_wait(condition, mutex) }
            let batch = pending
            pending.removeAll(keepingCapacity: true)
            if batch.isEmpty { hasEnded = true }
            pthread_mutex_unlock(mutex)
            if batch.isEmpty { return }
            for work in batch { work() }
        }
    }
}

private final class ThreadStart: Sendable {
    let inbox: ThreadInbox
    let name: String

    init(inbox: ThreadInbox, name: String) {
        self.inbox = inbox
        self.name = name
    }
}
