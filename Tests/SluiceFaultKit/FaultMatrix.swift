internal import SluiceCore
internal import SluicePostgres
internal import SluiceService
internal import SluiceStore
internal import SluiceSystem
internal import SluiceTestKit

/// Runs faults and holds what they left behind against the promise.
package struct FaultMatrix: Sendable {
    private let servers: LabServers
    private let scale: FaultScale
    /// Faults at once; most of a fault is waiting for leases to run out.
    private let lanes: Int

    package init(servers: LabServers, scale: FaultScale, lanes: Int) {
        self.servers = servers
        self.scale = scale
        self.lanes = lanes
    }

    /// - Parameter finished: called with each row as it is known.
    package func run(_ faults: [Fault], finished: @escaping @Sendable (FaultRow) -> Void) async -> [FaultRow] {
        var rows: [FaultRow] = []
        for group in [faults.filter { !$0.isAlone }, faults.filter(\.isAlone)] {
            let width = group.first?.isAlone == true ? 1 : lanes
            await withTaskGroup(of: FaultRow.self) { tasks in
                var next = group.makeIterator()
                var running = 0
                while running < width, let fault = next.next() {
                    tasks.addTask { await row(fault) }
                    running += 1
                }
                while let row = await tasks.next() {
                    finished(row)
                    rows.append(row)
                    if let fault = next.next() { tasks.addTask { await self.row(fault) } }
                }
            }
        }
        return rows
    }

    private func row(_ fault: Fault) async -> FaultRow {
        let start = ContinuousClock.now
        var row = FaultRow(
            fault: fault.name,
            title: fault.title,
            enqueued: 0,
            done: 0,
            lost: 0,
            doubled: 0,
            refused: 0,
            run_again_s: nil,
            seconds: 0,
            note: "",
            violations: [],
            failure: nil
        )
        do {
            let lab = try await FaultLab(fault.name, servers: servers, scale: scale)
            do {
                row.run_again_s = try await fault.run(lab).map { ($0 * 100).rounded() / 100 }
                try await judge(lab, &row)
            } catch {
                row.failure = "\(error)"
            }
            row.note = lab.noted
            await lab.tearDown()
        } catch {
            row.failure = "\(error)"
        }
        row.seconds = start.elapsed.inSeconds.rounded()
        return row
    }

    /// Waits until the queue is quiet, then checks.
    private func judge(_ lab: FaultLab, _ row: inout FaultRow) async throws {
        // What does not end in this time is counted as lost.
        try? await lab.waitUntil("the queue is quiet", within: scale.pick(short: .seconds(90), full: .seconds(300))) {
            try await lab.number("SELECT count(*) FROM tasks") == 0
        }
        var history = try await HistoryReader.read(lab.store)
        // The relay's next look, or the reclaimer's, takes away what is stale.
        try? await lab.waitUntil("no hint is stale", within: .seconds(45)) {
            history.hints = try await HistoryReader.hints(url: lab.redis.url, prefix: lab.settings.redisPrefix)
            return history.hints.isSubset(of: history.live)
        }
        let violations = HistoryChecker().violations(of: history)
        let doubling: Set<Violation.Rule> = [.endedTwice, .endedAndLive, .effectDoubled, .effectOfOldToken]
        row.enqueued = history.enqueued.count
        row.done = history.ended.count
        row.lost = violations.count { $0.rule == .lost || $0.rule == .effectMissing }
        row.doubled = violations.count { doubling.contains($0.rule) }
        row.violations = violations.prefix(20).map(\.description)
        row.refused = Int(try await lab.number("SELECT count(*) FROM lab_refusals"))
    }
}
