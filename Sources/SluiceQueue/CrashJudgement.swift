/// Who is to blame when a worker process ended: a pure function, which the rescue's SQL repeats.
///
/// All tasks that a process held when it ended are suspects, and run again alone, one at a time with nothing beside them,
/// before they run with others. One that survives that is cleared. One with which processes end again is guilty.
package enum CrashJudgement {
    /// A task with which this many processes ended that ran nothing else is guilty.
    package static let crashesToConvict = 2
    /// The error class of a task that was found guilty.
    package static let guiltyClass = "worker.crashed"

    package struct Record: Sendable, Equatable {
        package var attempt: Int
        package let maxAttempts: Int
        package var crashCount: Int
        package var isSuspect: Bool
        package var soloCrashes: Int

        package init(attempt: Int, maxAttempts: Int, crashCount: Int = 0, isSuspect: Bool = false, soloCrashes: Int = 0)
        {
            self.attempt = attempt
            self.maxAttempts = maxAttempts
            self.crashCount = crashCount
            self.isSuspect = isSuspect
            self.soloCrashes = soloCrashes
        }
    }

    package enum Sentence: Sendable, Equatable {
        /// It runs again, alone.
        case suspect
        /// Attempts used up.
        case dead
        /// Attempts used up, the last one alone; or guilty: to the quarantine.
        case quarantined
    }

    /// The process that held the task ended.
    ///
    /// - Parameter company: how many tasks the process held, this one included. A suspect always ran alone. In company
    ///   nobody is known to be guilty, so the attempt is given back; alone it counts.
    package static func lost(_ record: inout Record, company: Int) -> Sentence {
        let ranAlone = record.isSuspect
        let isRefunded = !ranAlone && company > 1
        record.crashCount += 1
        record.isSuspect = true
        if ranAlone { record.soloCrashes += 1 }
        if ranAlone && record.soloCrashes >= crashesToConvict { return .quarantined }
        if isRefunded {
            record.attempt -= 1
        } else if record.attempt >= record.maxAttempts {
            return ranAlone ? .quarantined : .dead
        }
        return .suspect
    }

    /// The attempt ended and its process did not: by a verdict of its own, not because the worker stopped.
    package static func survived(_ record: inout Record) {
        record.isSuspect = false
        record.soloCrashes = 0
    }
}
