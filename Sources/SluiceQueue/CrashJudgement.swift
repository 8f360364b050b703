/// Who is to blame when a worker process ended: a pure function, which the rescue's SQL repeats.
///
/// Processes mostly end for reasons of their own, so what one held runs again at once, like any other task. A task with
/// which a process has ended before is a suspect: it runs in an isolation group, with none but other suspects beside it, and
/// each group that ends with its process is split into eighths, down to single tasks. Who survives that is cleared. A task
/// with which processes end that ran nothing else is guilty.
package enum CrashJudgement {
    /// From this crash on a task is a suspect.
    package static let crashesToSuspect = 2
    /// Into so many parts a group is split with which a process ended.
    package static let parts = 8
    /// A suspect with which this many processes ended that ran nothing else is guilty.
    package static let crashesToConvict = 2
    /// The error class of a task that was found guilty.
    package static let guiltyClass = "worker.crashed"

    package struct Record: Sendable, Equatable {
        package var attempt: Int
        package let maxAttempts: Int
        package var crashCount: Int
        package var isSuspect: Bool
        /// How many suspects may run in one process with it, itself included; of no meaning for others.
        package var group: Int
        package var soloCrashes: Int

        package init(
            attempt: Int,
            maxAttempts: Int,
            crashCount: Int = 0,
            isSuspect: Bool = false,
            group: Int = 1,
            soloCrashes: Int = 0
        ) {
            self.attempt = attempt
            self.maxAttempts = maxAttempts
            self.crashCount = crashCount
            self.isSuspect = isSuspect
            self.group = group
            self.soloCrashes = soloCrashes
        }
    }

    package enum Sentence: Sendable, Equatable {
        /// It runs again like any other.
        case again
        /// It runs again, isolated.
        case suspect
        /// Attempts used up.
        case dead
        /// Attempts used up, the last one isolated and alone; or guilty: to the quarantine.
        case quarantined
    }

    /// The process that held the task ended.
    ///
    /// - Parameter company: how many tasks the process held, this one included. In company nobody is known to be guilty, so
    ///   the attempt is given back; alone it counts.
    package static func lost(_ record: inout Record, company: Int) -> Sentence {
        let wasIsolatedAlone = record.isSuspect && company == 1
        record.crashCount += 1
        if wasIsolatedAlone { record.soloCrashes += 1 }
        if record.soloCrashes >= crashesToConvict { return .quarantined }
        if company > 1 {
            record.attempt -= 1
        } else if record.attempt >= record.maxAttempts {
            return wasIsolatedAlone ? .quarantined : .dead
        }
        guard record.isSuspect || record.crashCount >= crashesToSuspect else { return .again }
        record.isSuspect = true
        record.group = max(1, company / parts)
        return .suspect
    }

    /// The attempt ended and its process did not: by a verdict of its own, not because the worker stopped.
    package static func survived(_ record: inout Record) {
        record.isSuspect = false
        record.soloCrashes = 0
    }
}
