package import SluiceCore

/// What a worker process offers.
package struct WorkerConfiguration: Sendable {
    /// Attempts at once, by queue.
    package var concurrency: [QueueName: Int]
    package var host: String
    package var pid: Int32
    package var version: String
    package var leaseLength: Duration
    package var drainTimeout: Duration
    /// How long an idle worker trusts hints before it looks into the store itself; each wait is 50–100 % of it.
    package var idlePoll: Duration
    /// Tasks are claimed ahead of free slots as far as they will begin within this time, at the pace measured. Zero: never.
    package var lookahead: Duration
    /// How long a handler that was told to stop may take to end before its slot goes on without it.
    package var cancelGrace: Duration
    /// How often orders are asked for and progress is stored.
    package var controlInterval: Duration

    package init(
        concurrency: [QueueName: Int],
        host: String,
        pid: Int32,
        version: String,
        leaseLength: Duration = .seconds(15),
        drainTimeout: Duration = .seconds(25),
        idlePoll: Duration = .seconds(2),
        lookahead: Duration = .milliseconds(50),
        cancelGrace: Duration = .seconds(10),
        controlInterval: Duration = .seconds(1)
    ) {
        precondition(!concurrency.isEmpty && concurrency.values.allSatisfy { $0 > 0 })
        self.concurrency = concurrency
        self.host = host
        self.pid = pid
        self.version = version
        self.leaseLength = leaseLength
        self.drainTimeout = drainTimeout
        self.idlePoll = idlePoll
        self.lookahead = lookahead
        self.cancelGrace = cancelGrace
        self.controlInterval = controlInterval
    }
}
