internal import SluiceBroker
internal import SluiceCore
internal import SluiceService
internal import SluiceStore

/// `status` for people: the verdict first, then what it rests on.
struct StatusView {
    private let status: FleetStatus

    init(_ status: FleetStatus) { self.status = status }

    func render() -> String {
        var text = verdict() + "\n"
        for reason in status.reasons { text += "  - \(reason)\n" }
        text += "\n" + queues()
        if let snapshot = status.snapshot {
            text += "\n" + workers(snapshot) + "\n" + servers(snapshot) + indexes(snapshot)
        } else {
            text += "\nworkers ?   coordinator ?   PostgreSQL unreachable   " + redis() + "\n"
        }
        return text
    }

    private func verdict() -> String {
        let time = Timestamp.text(status.snapshot?.asOf).map { "  as of \($0)" } ?? ""
        return switch status.verdict {
        case .ok: Colour.green("OK") + time
        case .degraded: Colour.yellow("DEGRADED") + time
        case .down: Colour.red("DOWN") + time
        }
    }

    private func queues() -> String {
        var table = Table([
            .init("QUEUE"), .init("READY", .right), .init("RUNNING", .right), .init("SCHEDULED", .right),
            .init("RETRYABLE", .right), .init("DEAD", .right), .init("OLDEST", .right), .init("STATE"),
        ])
        guard let snapshot = status.snapshot else {
            for name in QueueName.all { table.add([name.rawValue] + [String](repeating: "?", count: 7)) }
            return table.render()
        }
        for queue in snapshot.queues {
            table.add([
                queue.name.rawValue, depth(queue.ready), Format.count(queue.running),
                depth(queue.scheduled), depth(queue.retryable), depth(queue.dead),
                queue.ready == 0 ? "-" : Format.seconds(queue.oldestReadySeconds),
                queue.isPaused ? "paused" + (queue.pauseReason.map { ": \($0)" } ?? "") : "",
            ])
        }
        return table.render()
    }

    private func depth(_ count: Int) -> String {
        (count > StatusSnapshot.Queue.exact ? "~" : "") + Format.count(count)
    }

    private func workers(_ snapshot: StatusSnapshot) -> String {
        let workers = snapshot.workers.filter { $0.role == "worker" }
        if workers.isEmpty { return "no workers\n" }
        var table = Table([
            .init("WORKER"), .init("HOST"), .init("PID", .right), .init("QUEUES"), .init("BUSY", .right),
            .init("MEMORY", .right), .init("UP", .right), .init("SEEN", .right), .init("STATE"),
        ])
        for worker in workers {
            let state = worker.isLeased ? worker.state + (worker.isDegraded ? ", degraded" : "") : "lost"
            table.add([
                String("\(worker.id)".prefix(8)), worker.host, "\(worker.pid)", worker.queues.joined(separator: ","),
                "\(worker.running)/\(worker.concurrency)", Format.bytes(Int(worker.residentBytes)),
                Format.seconds(worker.startedSecondsAgo), Format.seconds(worker.heartbeatSecondsAgo), state,
            ])
        }
        return table.render()
    }

    private func servers(_ snapshot: StatusSnapshot) -> String {
        let leader = snapshot.leader
        var text = "coordinator  "
        if let holder = leader.holder {
            text +=
                "\(String("\(holder)".prefix(8))) leads, term \(leader.term), since \(Format.seconds(leader.sinceSeconds))"
            text += ", \(leader.standbys) standing by, \(Format.count(leader.rescued)) rescued\n"
        } else {
            text += "none leads\n"
        }
        let server = snapshot.server
        text += "PostgreSQL   \(server.version), pgvector \(server.vectorVersion ?? "?"), "
        text += "\(server.connections)/\(server.maxConnections) connections, oldest transaction "
        text += server.oldestTransactionSeconds == nil ? "-" : Format.seconds(server.oldestTransactionSeconds)
        return text + "\nRedis        \(redis())\n"
    }

    private func redis() -> String {
        guard status.usesRedis else { return "not configured: workers claim straight from PostgreSQL" }
        guard let redis = status.redis else { return "unreachable" }
        return "\(redis.version), \(Format.bytes(Int(redis.usedBytes))), \(redis.evictionPolicy), "
            + "round trip \(Format.seconds(redis.roundTrip.inSeconds))"
    }

    /// A bare digest is told apart by its first digits; --json has all of them.
    private static func short(_ model: String) -> String {
        model.utf8.count == 64 ? String(model.prefix(12)) + "…" : model
    }

    private func indexes(_ snapshot: StatusSnapshot) -> String {
        if snapshot.indexes.isEmpty { return "" }
        var table = Table([
            .init("INDEX"), .init("VERSION", .right), .init("DOCUMENTS", .right), .init("CHUNKS ~", .right),
            .init("HNSW"), .init("MODEL"),
        ])
        for index in snapshot.indexes {
            table.add([
                index.name.rawValue, "\(index.version)", Format.count(index.documents),
                Format.count(index.chunksEstimate), index.isIndexed ? "built" : "pending", Self.short(index.model),
            ])
        }
        return "\n" + table.render()
    }
}
