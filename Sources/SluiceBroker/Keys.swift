internal import SluiceCore
internal import SluiceQueue

/// The names of all keys.
///
/// One hash tag for all of them: a script finds its keys in one slot, and a waiter may block on several queues at once.
/// Windows are bounded, so one slot holds them with ease; a fleet that outgrows one server gives each queue group its own.
struct Keys: Sendable {
    private let tag: String

    init(prefix: String) { tag = "{\(prefix)}" }

    /// List: ids that wait for a worker, first to run first.
    func window(_ queue: QueueName) -> String { "\(tag):window:\(queue)" }
    /// List: one marker for each waiter that may wake.
    func wake(_ queue: QueueName) -> String { "\(tag):wake:\(queue)" }
    /// String that expires: while it exists enqueuers put nothing into the queue's window themselves.
    func gate(_ queue: QueueName) -> String { "\(tag):gate:\(queue)" }
    /// List: one marker while somebody wants the relay to look.
    var calls: String { "\(tag):calls" }
    /// Hash that expires when full: the token bucket of a rate.
    func bucket(_ scope: ControlScope) -> String {
        switch scope {
        case .queue(let queue): "\(tag):rate:queue:\(queue)"
        case .tenant(let tenant, nil): "\(tag):rate:tenant:\(tenant)"
        case .tenant(let tenant, let queue?): "\(tag):rate:tenant:\(tenant):\(queue)"
        case .kind(let kind): "\(tag):rate:kind:\(kind)"
        }
    }
    /// Set: ids that a worker incarnation fetched and did not yet claim or drop. A set, because ids are taken out of it
    /// by name: out of a list each would cost a scan.
    func held(by worker: WorkerID) -> String { "\(tag):proc:\(worker)" }
    /// Set: incarnations that hold ids, so that nobody has to search the keyspace for them.
    var incarnations: String { "\(tag):procs" }
}
