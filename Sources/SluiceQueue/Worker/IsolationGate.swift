/// Decides when a worker may run a suspect: only when nothing else runs in the process and nothing is being claimed.
///
/// Suspects run one at a time while the lanes' own claims pause: of two that run together neither could be found guilty.
/// A pure value.
package struct IsolationGate: Sendable, Equatable {
    private var claimsUnderWay = 0
    package private(set) var isClosed = false

    package init() {}

    /// A lane wants to claim. False while the gate is closed; otherwise `leave` must follow.
    package mutating func enter() -> Bool {
        if isClosed { return false }
        claimsUnderWay += 1
        return true
    }

    /// - Returns: true when this was the last claim that a closed gate waited for.
    package mutating func leave() -> Bool {
        claimsUnderWay -= 1
        return isClosed && claimsUnderWay == 0
    }

    package mutating func close() { isClosed = true }
    package mutating func open() { isClosed = false }

    /// - Parameter holdsNothing: whether the worker holds no task and no stopped handler runs on.
    package func mayRunSuspect(holdsNothing: Bool) -> Bool { isClosed && claimsUnderWay == 0 && holdsNothing }
}
