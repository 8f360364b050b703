package import SluiceCore

/// The fleet as PostgreSQL knows it, at one moment. Nothing here is read from Redis or from a worker.
package struct StatusSnapshot: Sendable {
    package struct Queue: Sendable {
        package let name: QueueName
        package let ready: Int
        package let running: Int
        package let scheduled: Int
        package let retryable: Int
        package let dead: Int
        /// Age of the oldest ready task since it could first run.
        package let oldestReadySeconds: Double?
        package let isPaused: Bool
        package let pauseReason: String?
        /// True when the queue is too deep to be counted each time: numbers above 20,000 are the leader's of some seconds
        /// ago, or, without a leader, the least that there is.
        package let isEstimate: Bool
        /// Up to this, numbers are exact.
        package static let exact = DepthStatements.exact
    }

    package struct Worker: Sendable {
        package let id: WorkerID
        package let role: String
        package let host: String
        package let pid: Int
        package let version: String
        package let queues: [String]
        package let concurrency: Int
        package let state: String
        package let running: Int
        package let residentBytes: Int64
        package let isDegraded: Bool
        package let staleSettlements: Int64
        package let startedSecondsAgo: Double
        package let heartbeatSecondsAgo: Double
        /// False: its lease has run out and the rescuer will take its tasks, or has.
        package let isLeased: Bool
    }

    package struct Leader: Sendable {
        package let holder: WorkerID?
        package let term: Int64
        package let sinceSeconds: Double?
        package let relayLagSeconds: Double?
        package let lastSweepSecondsAgo: Double?
        package let rescued: Int64
        package let standbys: Int
    }

    package struct Server: Sendable {
        package let version: String
        package let vectorVersion: String?
        package let connections: Int
        package let maxConnections: Int
        /// Age of the oldest open transaction of any session: what keeps dead rows from being removed.
        package let oldestTransactionSeconds: Double?
        package let deadTaskRows: Int64
    }

    package struct Index: Sendable {
        package let name: IndexName
        package let version: Int
        package let versionID: IndexVersionID
        package let model: String
        package let epoch: Int64
        package let documents: Int64
        /// The planner's estimate, exact after each ANALYZE.
        package let chunksEstimate: Int64
        package let isIndexed: Bool
    }

    package var queues: [Queue]
    package var workers: [Worker]
    package var leader: Leader
    package var server: Server
    package var indexes: [Index]
    /// Pauses, slow-downs, caps and rates in force.
    package var controls: [ControlRecord]
    /// Microseconds since 1970-01-01 UTC, the database's clock.
    package var asOf: Int64
}
