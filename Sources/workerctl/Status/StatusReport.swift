internal import SluiceBroker
internal import SluiceCore
internal import SluiceService
internal import SluiceStore

/// `status --json`, under a compatibility promise: fields are added, never renamed.
struct StatusReport: Encodable {
    struct Queue: Encodable {
        let name: String
        let ready: Int
        let running: Int
        let scheduled: Int
        let retryable: Int
        let dead: Int
        @Explicit var oldestReadySeconds: Double?
        let paused: Bool
        @Explicit var pauseReason: String?
        /// True when numbers above 20,000 are estimates.
        let isEstimate: Bool
    }

    struct Worker: Encodable {
        let id: String
        let host: String
        let pid: Int
        let version: String
        let queues: [String]
        let concurrency: Int
        let state: String
        let running: Int
        let residentBytes: Int64
        let degraded: Bool
        let staleSettlements: Int64
        let uptimeSeconds: Double
        let heartbeatAgeSeconds: Double
        let leased: Bool
    }

    struct Coordinator: Encodable {
        @Explicit var leader: String?
        @Explicit var term: Int64?
        @Explicit var sinceSeconds: Double?
        @Explicit var standbys: Int?
        @Explicit var relayLagSeconds: Double?
        @Explicit var lastSweepSeconds: Double?
        @Explicit var rescued: Int64?
    }

    struct Postgres: Encodable {
        let reachable: Bool
        @Explicit var version: String?
        @Explicit var pgvector: String?
        @Explicit var connections: Int?
        @Explicit var maxConnections: Int?
        @Explicit var oldestTransactionSeconds: Double?
        @Explicit var deadTaskRows: Int64?
    }

    struct Redis: Encodable {
        let configured: Bool
        let reachable: Bool
        @Explicit var version: String?
        @Explicit var usedBytes: Int64?
        @Explicit var evictionPolicy: String?
        @Explicit var roundTripSeconds: Double?
    }

    struct Index: Encodable {
        let name: String
        let version: Int
        let model: String
        let epoch: Int64
        let documents: Int64
        let chunksEstimate: Int64
        let indexed: Bool
    }

    let schema = "sluice.status/v1"
    @Explicit var asOf: String?
    let verdict: String
    let reasons: [String]
    let queues: [Queue]
    let workers: [Worker]
    let coordinator: Coordinator
    let postgres: Postgres
    let redis: Redis
    let indexes: [Index]

    init(_ status: FleetStatus) {
        let snapshot = status.snapshot
        _asOf = Explicit(wrappedValue: Timestamp.text(snapshot?.asOf))
        verdict = status.verdict.rawValue
        reasons = status.reasons
        queues = (snapshot?.queues ?? []).map {
            Queue(
                name: $0.name.rawValue,
                ready: $0.ready,
                running: $0.running,
                scheduled: $0.scheduled,
                retryable: $0.retryable,
                dead: $0.dead,
                oldestReadySeconds: $0.oldestReadySeconds,
                paused: $0.isPaused,
                pauseReason: $0.pauseReason,
                isEstimate: $0.isEstimate
            )
        }
        workers = (snapshot?.workers ?? []).filter { $0.role == "worker" }.map {
            Worker(
                id: "\($0.id)",
                host: $0.host,
                pid: $0.pid,
                version: $0.version,
                queues: $0.queues,
                concurrency: $0.concurrency,
                state: $0.isLeased ? $0.state : "lost",
                running: $0.running,
                residentBytes: $0.residentBytes,
                degraded: $0.isDegraded,
                staleSettlements: $0.staleSettlements,
                uptimeSeconds: $0.startedSecondsAgo,
                heartbeatAgeSeconds: $0.heartbeatSecondsAgo,
                leased: $0.isLeased
            )
        }
        let leader = snapshot?.leader
        coordinator = Coordinator(
            leader: leader?.holder.map { "\($0)" },
            term: leader?.term,
            sinceSeconds: leader?.sinceSeconds,
            standbys: leader?.standbys,
            relayLagSeconds: leader?.relayLagSeconds,
            lastSweepSeconds: leader?.lastSweepSecondsAgo,
            rescued: leader?.rescued
        )
        let server = snapshot?.server
        postgres = Postgres(
            reachable: snapshot != nil,
            version: server?.version,
            pgvector: server?.vectorVersion,
            connections: server?.connections,
            maxConnections: server?.maxConnections,
            oldestTransactionSeconds: server?.oldestTransactionSeconds,
            deadTaskRows: server?.deadTaskRows
        )
        redis = Redis(
            configured: status.usesRedis,
            reachable: status.redis != nil,
            version: status.redis?.version,
            usedBytes: status.redis?.usedBytes,
            evictionPolicy: status.redis?.evictionPolicy,
            roundTripSeconds: status.redis?.roundTrip.inSeconds
        )
        indexes = (snapshot?.indexes ?? []).map {
            Index(
                name: $0.name.rawValue,
                version: $0.version,
                model: $0.model,
                epoch: $0.epoch,
                documents: $0.documents,
                chunksEstimate: $0.chunksEstimate,
                indexed: $0.isIndexed
            )
        }
    }
}
