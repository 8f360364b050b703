package import SluiceCore
package import SluicePostgres
internal import SluiceQueue

extension Store {
    /// Completes a task inside the transaction of its effects: both commit, or neither.
    ///
    /// Call it first: it locks the task's row, so that a worker that lost its lease writes nothing. Throws `StaleLease`;
    /// let that roll the transaction back.
    package func complete(_ fence: Fence, in transaction: PostgresTransaction) async throws {
        let passed = try await transaction.query(SettleStatements.archive([fence], as: .completed, reasons: [nil]))
        if passed.isEmpty { throw StaleLease(fence) }
    }

    /// Throws `StaleLease` unless the task is held under this very claim; holds its row until the transaction ends.
    package func hold(_ fence: Fence, in transaction: PostgresTransaction) async throws {
        let held = try await transaction.query(
            Statement(
                "SELECT id FROM tasks WHERE id = $1 AND state = 'running' AND lease_token = $2 FOR UPDATE",
                [.int8(fence.task.rawValue), .int8(fence.token.rawValue)]
            ) { row throws(PostgresError) in try row.int64(0) }
        )
        if held.isEmpty { throw StaleLease(fence) }
    }

    /// Applies verdicts in one transaction; one round trip when all are of one sort. Returns the stale fences.
    func settle(_ settlements: [Settlement]) async throws -> Set<Fence> {
        let groups = SettleGroups(settlements)
        let statements = groups.statements
        var passed: Set<TaskID> = []
        if statements.count == 1 {
            passed = Set(try await pool.query(statements[0]))
        } else {
            passed = try await pool.transaction { transaction in
                var passed: Set<TaskID> = []
                _ = try await transaction.query(SettleStatements.hold(settlements.map(\.fence)))
                for statement in statements { passed.formUnion(try await transaction.query(statement)) }
                return passed
            }
        }
        return Set(settlements.lazy.map(\.fence).filter { !passed.contains($0.task) })
    }
}

/// Verdicts sorted by what they do, ready to be written together.
struct SettleGroups {
    private var completed: [Fence] = []
    private var cancelled: [(Fence, String)] = []
    private var returned: [SettleStatements.Return] = []
    private var dead: [(fence: Fence, failure: TaskFailure, isQuarantined: Bool)] = []
    private var discarded: [(Fence, TaskFailure)] = []
    private var declined: [(Fence, TaskFailure)] = []

    init(_ settlements: [Settlement]) {
        for settlement in settlements {
            let fence = settlement.fence
            switch settlement.verdict {
            case .completed: completed.append(fence)
            case .cancelled(let reason): cancelled.append((fence, reason))
            case .dead(let failure): dead.append((fence, failure, false))
            case .quarantined(let failure): dead.append((fence, failure, true))
            case .discarded(let failure): discarded.append((fence, failure))
            case .declined(let reason): declined.append((fence, reason))
            case .retry(let delay, let failure):
                returned.append(
                    .init(
                        fence: fence,
                        state: .retryable,
                        delay: delay,
                        isRefunded: false,
                        outcome: "failed",
                        failure: failure
                    )
                )
            case .snoozed(let delay, let reason):
                returned.append(Self.refunded(fence, .scheduled, delay, "snoozed", reason))
            case .released(let delay, let reason):
                let state = delay > .zero ? TaskState.scheduled : .available
                returned.append(Self.refunded(fence, state, delay, "released", reason))
            }
        }
    }

    private static func refunded(
        _ fence: Fence,
        _ state: TaskState,
        _ delay: Duration,
        _ outcome: String,
        _ reason: String
    ) -> SettleStatements.Return {
        SettleStatements.Return(
            fence: fence,
            state: state,
            delay: delay,
            isRefunded: true,
            outcome: outcome,
            failure: TaskFailure(errorClass: outcome, message: reason)
        )
    }

    var statements: [Statement<TaskID>] {
        var result: [Statement<TaskID>] = []
        if !completed.isEmpty {
            result.append(
                SettleStatements.archive(
                    completed,
                    as: .completed,
                    reasons: [String?](repeating: nil, count: completed.count)
                )
            )
        }
        if !cancelled.isEmpty {
            result.append(SettleStatements.archive(cancelled.map(\.0), as: .cancelled, reasons: cancelled.map(\.1)))
        }
        if !declined.isEmpty { result.append(SettleStatements.decline(declined.map(\.0), declined.map(\.1))) }
        if !returned.isEmpty { result.append(SettleStatements.giveBack(returned)) }
        if !dead.isEmpty { result.append(SettleStatements.bury(dead)) }
        if !discarded.isEmpty { result.append(SettleStatements.discard(discarded.map(\.0), discarded.map(\.1))) }
        return result
    }
}
