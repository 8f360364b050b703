package import SluiceCore

/// What a look at a live version found.
package struct Drift: Sendable {
    /// The stored run's number.
    package let run: Int64
    package let index: IndexName
    /// The version's number.
    package let number: Int
    package let verdict: GateVerdict
    package let gates: [Gate]

    package init(run: Int64, index: IndexName, number: Int, verdict: GateVerdict, gates: [Gate]) {
        self.run = run
        self.index = index
        self.number = number
        self.verdict = verdict
        self.gates = gates
    }
}

/// Finds out whether live versions still answer as they did when they passed their gates.
package protocol DriftCheck: Sendable {
    /// Asks the live version of an index, or of every one, questions of its own and compares with exact search; stores each run
    /// with an event.
    ///
    /// Takes seconds to minutes. Nothing comes back when there is no such index. Throws when it could not measure.
    func drift(of index: IndexName?) async throws -> [Drift]
}
