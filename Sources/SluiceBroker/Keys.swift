internal import SluiceCore

/// The names of all keys. One hash tag, so that in a cluster every script finds its keys in one slot.
struct Keys: Sendable {
    private let tag: String

    init(prefix: String) { tag = "{\(prefix)}" }

    func window(_ queue: QueueName) -> String { "\(tag):window:\(queue)" }
    func wake(_ queue: QueueName) -> String { "\(tag):wake:\(queue)" }
    func processing(_ worker: WorkerID) -> String { "\(tag):proc:\(worker)" }
    var incarnations: String { "\(tag):procs" }
}
