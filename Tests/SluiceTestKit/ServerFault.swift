internal import SluiceCore

/// A failure that a test asked for.
package struct ServerFault: TransientFailure, CustomStringConvertible {
    package let isTransient: Bool

    package init(isTransient: Bool = true) { self.isTransient = isTransient }

    package var description: String { "a fault of the test's making" }
}

/// How a call to a fake server fails.
package enum FaultMode: Sendable {
    /// Nothing happened.
    case refused(isTransient: Bool)
    /// It happened, the answer was lost.
    case answerLost
    /// No answer until `release` is called on the server; then as if nothing happened.
    case hangs
    /// It happens after so long.
    case slow(Duration)
}
