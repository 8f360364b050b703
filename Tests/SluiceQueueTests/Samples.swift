import Logging
import SluiceCore
import SluiceQueue

/// A small input with every kind of policy shortened for tests.
struct Probe: TaskInput, Equatable {
    static let kind = TaskKind(trusted: "probe")
    static let queue = QueueName.ingestion
    static let retry = RetryPolicy(
        maxAttempts: 3,
        base: .milliseconds(2),
        cap: .milliseconds(10),
        floor: .milliseconds(1)
    )
    static let timeout = Duration.seconds(60)

    let number: Int
}

func probes(_ count: Int, uniqueKeys: Bool = false) throws -> [NewTask] {
    try (0..<count).map { number in
        try NewTask(Probe(number: number), tenant: .default, uniqueKey: uniqueKeys ? "\(number)" : nil)
    }
}

/// A logger that says nothing.
let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

func fence(_ id: Int64, _ token: Int64 = 1) -> Fence { Fence(task: TaskID(id), token: LeaseToken(token)) }

func claimed(_ id: Int64, token: Int64 = 1, attempt: Int = 1, maxAttempts: Int = 3) -> ClaimedTask {
    ClaimedTask(
        id: TaskID(id),
        token: LeaseToken(token),
        tenant: .default,
        queue: .ingestion,
        kind: Probe.kind,
        payload: "{}",
        payloadVersion: 1,
        attempt: attempt,
        maxAttempts: maxAttempts,
        crashCount: 0,
        timeout: .seconds(60),
        batch: nil
    )
}

func configuration(
    _ concurrency: Int = 4,
    leaseLength: Duration = .seconds(15),
    drainTimeout: Duration = .seconds(25),
    lookahead: Duration = .milliseconds(50),
    cancelGrace: Duration = .seconds(10)
) -> WorkerConfiguration {
    WorkerConfiguration(
        concurrency: [.ingestion: concurrency],
        host: "test",
        pid: 1,
        version: "0",
        leaseLength: leaseLength,
        drainTimeout: drainTimeout,
        idlePoll: .milliseconds(50),
        lookahead: lookahead,
        cancelGrace: cancelGrace
    )
}
