package import Logging
internal import SluiceBroker
internal import SluiceCore
internal import SluicePostgres
internal import SluiceQueue
internal import SluiceRedis
package import SluiceStore
internal import SluiceSystem

/// Enqueues tasks, reads what became of them, and waits for them. One for a process; safe to use from anywhere.
///
/// Connects when first used. `close` when done.
public final class SluiceClient: TaskEnqueuing {
    package let settings: SluiceSettings
    package let store: Store
    private let enqueuer: Enqueuer

    /// - Throws: when a setting cannot be used; nothing is connected yet.
    public convenience init(_ settings: SluiceSettings) throws(SluiceError) {
        try self.init(settings, logger: Logger(label: "sluice"))
    }

    package init(_ settings: SluiceSettings, logger: Logger) throws(SluiceError) {
        // A closed peer must be an error of one call, not the end of the process.
        Environment.ignoreBrokenPipes()
        try settings.check()
        self.settings = settings
        store = Store(
            configuration: settings.postgres("sluice-client"),
            schema: settings.schema,
            payloadKeys: try settings.keys(),
            logger: logger
        )
        enqueuer = Enqueuer(store: PostgresTaskStore(store), hints: try settings.makeHints(), logger: logger)
    }

    public func close() { store.close() }

    @discardableResult
    public func enqueue<Kind: TaskKindDefinition>(
        _ inputs: [Kind],
        _ options: TaskOptions
    ) async throws(SluiceError) -> [TaskReceipt] {
        var tasks: [NewTask] = []
        for input in inputs { tasks.append(try NewTask(kind: input, options)) }
        let given = tasks
        return try await translating { try await enqueuer.enqueue(given).map { TaskReceipt($0) } }
    }

    /// Enqueues very many tasks of one kind in one transaction, by binary COPY. Nobody is woken: the relay finds them.
    ///
    /// - Parameter key: the unique key of one task; a live task that has it is kept.
    /// - Returns: ids of the tasks stored, in order; shorter than `inputs` where keys were taken.
    public func enqueueBulk<Kind: TaskKindDefinition>(
        _ inputs: [Kind],
        _ options: TaskOptions = TaskOptions(),
        key: ((Kind) -> String)? = nil
    ) async throws(SluiceError) -> [Int64] {
        guard options.onConflict == .keep else { throw SluiceError("in bulk, live tasks with the same key are kept") }
        guard key != nil || options.uniqueKey == nil else {
            throw SluiceError("one unique key for many tasks stores only one of them: give `key`")
        }
        var tasks: [NewTask] = []
        tasks.reserveCapacity(inputs.count)
        for input in inputs {
            var task = try NewTask(kind: input, options)
            if let key { task.uniqueKey = key(input) }
            tasks.append(task)
        }
        let given = tasks
        return try await translating { try await store.enqueueByCopy(given).map(\.rawValue) }
    }

    /// Enqueues one task in the caller's own transaction, on the caller's thread: it exists when that transaction commits.
    ///
    /// Blocks for one round trip. The session must be scoped to the tenant (`SET sluice.tenant`), and its role needs the grants
    /// of `sluice_grant_enqueue`.
    ///
    /// - Parameter connection: a `PGconn *` that nothing else uses meanwhile.
    /// - Returns: the id of the new task, or of the live one that has its key.
    @discardableResult
    public func enqueue<Kind: TaskKindDefinition>(
        _ input: Kind,
        _ options: TaskOptions = TaskOptions(),
        on connection: OpaquePointer
    ) throws(SluiceError) -> Int64 {
        let task = try NewTask(kind: input, options)
        do {
            let id = try BorrowedConnection.query(connection, try store.enqueueCall(task)).first ?? nil
            guard let id = id.flatMap({ Int64($0) }) else { throw SluiceError("no task id came back") }
            return id
        } catch {
            throw SluiceError(error)
        }
    }

    /// Makes a kind known to `sluice.enqueue()`, so that SQL need not say its queue and limits. A worker does this for its
    /// handlers; needs a role that may write `kind_defaults`.
    public func define<Kind: TaskKindDefinition>(_: Kind.Type) async throws(SluiceError) {
        try Bridged<Kind>.check()
        try await translating { try await store.define(KindDefaults(Bridged<Kind>.self)) }
    }

    /// Makes a batch; tasks enqueued with its number are counted in it.
    public func makeBatch(tenant: String = "default", label: String = "") async throws(SluiceError) -> Int64 {
        guard let tenant = TenantID(rawValue: tenant) else {
            throw SluiceError("tenant '\(tenant)': \(NameRule.sentence)")
        }
        return try await translating {
            try await store.ensureTenant(tenant)
            return try await store.createBatch(tenant: tenant, label: label).rawValue
        }
    }

    /// Where a task stands; nil when there is none, or it was settled so long ago that its day has been dropped.
    public func task(_ id: Int64) async throws(SluiceError) -> TaskStatus? {
        try await translating { try await store.task(TaskID(rawValue: id)).map { TaskStatus($0) } }
    }

    /// Waits until a task is completed, cancelled or dead, looking every 20 to 500 ms. Cancellable.
    ///
    /// - Returns: its status then, or as it was when `limit` was over; nil when there is no such task.
    public func wait(for id: Int64, atMost limit: Duration = .seconds(60)) async throws(SluiceError) -> TaskStatus? {
        let start = ContinuousClock.now
        var pause = Duration.milliseconds(20)
        while true {
            guard let status = try await task(id) else { return nil }
            let left = limit - start.duration(to: .now)
            if status.isSettled || left <= .zero { return status }
            try await translating { try await Task.sleep(for: min(pause, left)) }
            pause = min(pause * 2, .milliseconds(500))
        }
    }
}

extension SluiceSettings {
    func makeHints() throws(SluiceError) -> RedisTaskHints? {
        do {
            return try redisURL.map { url throws(RedisError) in
                RedisTaskHints(try RedisConfiguration(url: url), prefix: redisPrefix)
            }
        } catch {
            throw SluiceError("the address of Redis: \(error)")
        }
    }
}
