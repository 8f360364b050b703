package import SluiceCore

/// What the relay reads to choose fairly. Implemented on PostgreSQL by SluiceStore. Nothing here writes.
///
/// The cost of a call follows what it returns, never how many tasks are queued.
package protocol DispatchStore: Sendable {
    /// Every queue with the slots that live workers offer, and all controls in force.
    func dispatchState() async throws -> DispatchState
    /// Streams of a queue that have available tasks, by tenant, those of tenants after `tenant` only; at most `limit`.
    func streams(queue: QueueName, after tenant: TenantID?, limit: Int) async throws -> [BacklogStream]
    /// Streams of a queue that have available tasks and are none of `known`: at least one between any two neighbours of them
    /// where there are some. Costs a little for each one known, whatever has gone from them.
    func streams(queue: QueueName, besides known: [BacklogStream]) async throws -> [BacklogStream]
    /// The first tasks of each of these streams.
    func heads(queue: QueueName, of requests: [StreamRequest]) async throws -> [Candidate]
    /// Those of the ids that are available now.
    func available(among ids: [TaskID]) async throws -> [Candidate]
    /// How many tasks of each scope run now.
    func running(in scopes: [ControlScope]) async throws -> [ControlScope: Int]
}

/// Tasks of a queue that were due and have become available.
package struct Promotion: Sendable, Equatable {
    package let count: Int
    /// When the first of them was to run. Microseconds since 1970.
    package let earliest: Int64

    package init(count: Int, earliest: Int64) {
        self.count = count
        self.earliest = earliest
    }
}

/// A stream, how many of its tasks are wanted, and from where on.
package struct StreamRequest: Sendable {
    package let stream: BacklogStream
    package let limit: Int
    /// Tasks that were to run before this are not looked at. Microseconds since 1970; nil: all are.
    package var since: Int64?

    package init(stream: BacklogStream, limit: Int, since: Int64? = nil) {
        self.stream = stream
        self.limit = limit
        self.since = since
    }
}

package struct DispatchState: Sendable, Equatable {
    package let queues: [QueueState]
    package let controls: Controls

    package init(queues: [QueueState], controls: Controls = Controls()) {
        self.queues = queues
        self.controls = controls
    }
}

package struct QueueState: Sendable, Equatable {
    package let name: QueueName
    /// Slots that live workers offer.
    package let slots: Int

    package init(name: QueueName, slots: Int) {
        self.name = name
        self.slots = slots
    }
}

/// How the fleet itself changes what is dispatched.
package protocol DispatchControl: Sendable {
    /// Lets no task of the queue start anywhere for `duration`, at most an hour: for a provider that said "too many
    /// requests". The longest one asked for counts; what runs goes on.
    func slowDown(_ queue: QueueName, for duration: Duration, reason: String) async throws
}
