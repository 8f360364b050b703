internal import SluiceCore
internal import SluiceStore

struct WorkerRow: Encodable {
    let id: String
    let role: String
    let host: String
    let pid: Int
    let version: String
    let queues: [String]
    let concurrency: Int
    let state: String
    let leased: Bool
    let running: Int
    let residentBytes: Int64
    let degraded: Bool
    let staleSettlements: Int64
    let startedSecondsAgo: Double
    let heartbeatSecondsAgo: Double

    init(_ worker: StatusSnapshot.Worker) {
        id = "\(worker.id)"
        role = worker.role
        host = worker.host
        pid = worker.pid
        version = worker.version
        queues = worker.queues
        concurrency = worker.concurrency
        state = worker.state
        leased = worker.isLeased
        running = worker.running
        residentBytes = worker.residentBytes
        degraded = worker.isDegraded
        staleSettlements = worker.staleSettlements
        startedSecondsAgo = worker.startedSecondsAgo
        heartbeatSecondsAgo = worker.heartbeatSecondsAgo
    }

    static func table(_ workers: [StatusSnapshot.Worker]) -> String {
        var table = Table([
            .init("ID"), .init("ROLE"), .init("HOST"), .init("PID", .right), .init("STATE"), .init("QUEUES"),
            .init("RUNNING", .right), .init("MEMORY", .right), .init("UP", .right), .init("HEARD", .right),
        ])
        for worker in workers {
            table.add([
                "\(worker.id)", worker.role, worker.host, "\(worker.pid)",
                worker.isLeased ? worker.state : "lost", worker.queues.joined(separator: ","),
                "\(worker.running)/\(worker.concurrency)", Format.bytes(Int(worker.residentBytes)),
                Format.seconds(worker.startedSecondsAgo), Format.seconds(worker.heartbeatSecondsAgo),
            ])
        }
        return table.render()
    }
}
