internal import Glibc
internal import Synchronization

/// Points between a claim and its settlement at which a process can be made to end as `kill -9` ends it: for tests of what
/// a crash there costs.
///
/// Inert unless the environment has `SLUICE_FAILPOINT=NAME[:N]`: then the process ends when it passes the point for the
/// Nth time, the first without N.
package enum FailPoint: String, Sendable, CaseIterable {
    case afterFetch = "after_fetch"
    case afterClaim = "after_claim"
    /// Before the transaction of a handler's effects begins; passed by handlers.
    case beforeEffect = "before_effect"
    /// In that transaction, all statements done; passed by handlers.
    case beforeCommit = "before_commit"
    /// Committed, the engine does not know yet; passed by handlers.
    case afterCommit = "after_commit"
    case beforeSettle = "before_settle"
    case afterSettle = "after_settle"

    private static let armed = Armed(Environment.value("SLUICE_FAILPOINT"))

    /// Costs one comparison when nothing is armed.
    package static func pass(_ point: FailPoint) {
        guard let armed, armed.point == point else { return }
        if armed.passed() { kill(getpid(), SIGKILL) }
    }

    private final class Armed: Sendable {
        let point: FailPoint
        private let left: Atomic<Int>

        init?(_ text: String?) {
            guard let parts = text?.split(separator: ":"), let name = parts.first,
                let point = FailPoint(rawValue: String(name))
            else { return nil }
            self.point = point
            left = Atomic(parts.count > 1 ? Int(parts[1]) ?? 1 : 1)
        }

        /// True for the last of the passages that were to happen.
        func passed() -> Bool { left.subtract(1, ordering: .relaxed).newValue == 0 }
    }
}
