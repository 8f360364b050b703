internal import SluiceCore

/// How long things take: the lease of production, or a short one for the test run.
package struct FaultScale: Sendable {
    package let isShort: Bool
    package var leaseSeconds: Int { isShort ? 6 : 15 }
    package var lease: Duration { .seconds(leaseSeconds) }

    package init(isShort: Bool) { self.isShort = isShort }

    /// One of two numbers.
    package func pick<Value>(short: Value, full: Value) -> Value { isShort ? short : full }
}

/// One line of the table.
package struct FaultRow: Sendable, Codable {
    package var fault: String
    package var title: String
    package var enqueued: Int
    package var done: Int
    package var lost: Int
    package var doubled: Int
    /// Effects under lost leases that the database turned away.
    package var refused: Int
    /// From the fault, or from its end where a server was away; nil where nothing had to run again.
    package var run_again_s: Double?
    package var seconds: Double
    package var note: String
    package var violations: [String]
    /// What went wrong in the run itself.
    package var failure: String?

    package var passed: Bool { violations.isEmpty && failure == nil && enqueued > 0 }
}

/// A fault: what it is, and how it is brought about. `run` gives the seconds until work went on.
package struct Fault: Sendable {
    package let name: String
    package let title: String
    /// Not beside others: it takes the whole PostgreSQL server.
    let isAlone: Bool
    let run: @Sendable (FaultLab) async throws -> Double?

    init(
        _ name: String,
        _ title: String,
        isAlone: Bool = false,
        run: @escaping @Sendable (FaultLab) async throws -> Double?
    ) {
        self.name = name
        self.title = title
        self.isAlone = isAlone
        self.run = run
    }

    package static let all: [Fault] = workerFaults + coordinatorFaults + redisFaults + postgresFaults + networkFaults
}
