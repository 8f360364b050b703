/// The documented exit codes. Scripts rely on them; a code never changes its meaning.
enum ExitStatus: Int32 {
    case ok = 0
    case failed = 1
    /// `status --check`: a threshold was crossed.
    case degraded = 2
    /// `status --check`: the fleet does not work.
    case critical = 3
    case notFound = 4
    /// `eval`: a gate failed.
    case noGo = 10
    /// `eval`: too little could be measured, which is no pass either.
    case inconclusive = 11
    case usage = 64
    /// PostgreSQL (or what the command needs) cannot be reached.
    case unavailable = 69
    /// Done in part, or the time given was up.
    case partial = 75
    case interrupted = 130
}

/// Ends the command with a message on standard error and a documented code.
struct CommandFailure: Error {
    let status: ExitStatus
    let message: String

    init(_ status: ExitStatus, _ message: String) {
        self.status = status
        self.message = message
    }
}
