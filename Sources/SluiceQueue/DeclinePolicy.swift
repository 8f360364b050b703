package import SluiceCore

/// When a task is looked at again that its worker could not perform: of an unknown kind, of a newer payload version, or
/// sealed with a key that the worker has not.
///
/// Soon at first, since in a rolling deploy the next worker may well be a newer one; later with each time, so that a task
/// which nobody can perform costs next to nothing. It uses no attempt and never dies of this.
package enum DeclinePolicy {
    package static let first = Duration.seconds(1)
    package static let longest = Duration.seconds(300)

    /// - Parameter earlier: how often it was declined before for this class of reason.
    package static func delay(earlier: Int) -> Duration {
        min(longest, .seconds(first.inSeconds * Double(UInt64(1) << UInt64(min(max(earlier, 0), 20)))))
    }

    /// What this worker lacks, for people who look at the task.
    package static func reason(_ task: ClaimedTask, knownVersion: Int?) -> TaskFailure? {
        guard let knownVersion else {
            return TaskFailure(
                errorClass: "kind.unknown",
                message:
                    "no handler for kind '\(task.kind)' in the worker that claimed it; deploy a worker that has one, or "
                    + "cancel the task"
            )
        }
        if task.payloadVersion > knownVersion {
            return TaskFailure(
                errorClass: "payload.newer",
                message:
                    "the payload of kind '\(task.kind)' is of version \(task.payloadVersion), the worker that claimed it "
                    + "reads up to version \(knownVersion); deploy a newer worker"
            )
        }
        if case .noKey(let id) = task.payloadFault {
            return TaskFailure(
                errorClass: "payload.locked",
                message:
                    "the payload is sealed with key '\(id)', which the worker that claimed it has not; give it that key "
                    + "in SLUICE_PAYLOAD_KEYS"
            )
        }
        return nil
    }
}
