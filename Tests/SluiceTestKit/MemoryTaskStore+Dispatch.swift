package import SluiceCore
package import SluiceQueue

extension MemoryTaskStore {
    package func dispatchState() async throws -> DispatchState {
        try await perform(.dispatchState) { model, now in
            let queues = QueueName.all.map { queue in
                QueueState(
                    name: queue,
                    slots: model.workers.values.reduce(0) { sum, worker in
                        worker.leaseUntil > now && worker.registration.queues.contains(queue)
                            ? sum + worker.registration.concurrency : sum
                    }
                )
            }
            return DispatchState(queues: queues, controls: Controls(Array(model.controls.values)))
        }
    }

    package func streams(queue: QueueName, after tenant: TenantID?, limit: Int) async throws -> [BacklogStream] {
        try await perform(.streams) { model, _ in
            let streams = Set(model.waiting(queue).map { model.stream($0) })
            return Array(
                streams.filter { stream in tenant.map { stream.tenant > $0 } ?? true }
                    .sorted { ($0.tenant, $0.kind, $0.priority) < ($1.tenant, $1.kind, $1.priority) }.prefix(limit)
            )
        }
    }

    package func streams(queue: QueueName, besides known: [BacklogStream]) async throws -> [BacklogStream] {
        try await perform(.newStreams) { model, _ in
            Array(Set(model.waiting(queue).map { model.stream($0) }).subtracting(known).prefix(1))
        }
    }

    package func heads(queue: QueueName, of requests: [StreamRequest]) async throws -> [Candidate] {
        try await perform(.heads) { model, _ in
            let groups = Dictionary(grouping: model.waiting(queue)) { model.stream($0) }
            return requests.flatMap { request in
                (groups[request.stream] ?? []).filter { $0.runAt >= request.since ?? .min }
                    .sorted { ($0.runAt, $0.id) < ($1.runAt, $1.id) }.prefix(request.limit)
            }
        }
    }

    package func available(among ids: [TaskID]) async throws -> [Candidate] {
        try await perform(.available) { model, _ in
            ids.compactMap { id in model.rows[id].flatMap { $0.state == .available ? model.candidate($0) : nil } }
        }
    }

    package func running(in scopes: [ControlScope]) async throws -> [ControlScope: Int] {
        try await perform(.running) { model, _ in
            scopes.reduce(into: [:]) { $0[$1] = model.running($1) }
        }
    }
}

extension MemoryTaskModel {
    mutating func set(_ control: Control) { controls[control.scope] = control }

    func running(_ scope: ControlScope) -> Int {
        rows.values.count {
            $0.state == .running && scope.covers(queue: $0.task.queue, tenant: $0.task.tenant, kind: $0.task.kind)
        }
    }

    /// True when nothing that is imposed keeps the task back.
    func mayStart(_ task: NewTask) -> Bool {
        controls.values.allSatisfy { control in
            guard control.scope.covers(queue: task.queue, tenant: task.tenant, kind: task.kind) else { return true }
            return !control.isClosed && control.maxRunning.map { running(control.scope) < $0 } ?? true
        }
    }

    func candidate(_ row: Row) -> Candidate {
        Candidate(
            id: row.id,
            tenant: row.task.tenant,
            kind: row.task.kind,
            priority: row.task.priority,
            runAt: Int64((row.runAt - origin).inSeconds * 1_000_000)
        )
    }

    func waiting(_ queue: QueueName) -> [Candidate] {
        rows.values.lazy.filter { $0.state == .available && $0.task.queue == queue }.map { candidate($0) }
    }

    func stream(_ task: Candidate) -> BacklogStream {
        BacklogStream(
            tenant: task.tenant,
            kind: task.kind,
            priority: task.priority,
            weight: weights[task.tenant] ?? 1
        )
    }
}
