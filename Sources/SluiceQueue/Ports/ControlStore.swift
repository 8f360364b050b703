package import SluiceCore

/// What operators ask of a worker and of its attempts, what its handlers report, and tasks that must run alone.
/// Implemented on PostgreSQL by SluiceStore.
///
/// Calls may throw a `TransientFailure`; what is missed comes with the next call.
package protocol ControlStore: Sendable {
    /// Stores what handlers said of their progress, each behind its fence, and returns what is asked of the worker now. An
    /// order comes again until it is obeyed.
    func exchange(_ worker: WorkerID, queues: [QueueName], progress: [ProgressReport]) async throws -> ControlOrders
    /// Claims one available suspect of the queues for a worker that holds nothing; nil when there is none, or when it holds
    /// something, or its lease has expired.
    func claimSuspect(queues: [QueueName], worker: WorkerID) async throws -> ClaimedTask?
}

/// What a handler said of its progress.
package struct ProgressReport: Sendable, Equatable {
    package let fence: Fence
    /// At least 0, of `total` where that is known.
    package let done: Int
    package let total: Int?
    /// At most `messageLimit` characters.
    package let message: String?

    package static let messageLimit = 200

    package init(fence: Fence, done: Int, total: Int?, message: String?) {
        self.fence = fence
        self.done = max(0, done)
        self.total = total
        self.message = message.map { String($0.unicodeScalars.filter { $0 != "\0" }.prefix(Self.messageLimit)) }
    }
}

extension String {
    fileprivate init(_ scalars: some Sequence<Unicode.Scalar>) {
        self.init(String.UnicodeScalarView(scalars))
    }
}

/// What is asked of a worker.
package enum WorkerRequest: String, Sendable, CaseIterable {
    /// Claim again.
    case live
    /// Stop claiming; what runs goes on.
    case quiet
    /// Let attempts end, then exit, as on SIGTERM.
    case drain
}

package struct ControlOrders: Sendable, Equatable {
    /// Nil: nothing was ever asked of this incarnation.
    package var request: WorkerRequest?
    /// Attempts to stop, and why.
    package var cancelled: [Fence: String]
    /// True when suspects wait and it is this worker's turn to run them.
    package var hasSuspects: Bool

    package init(request: WorkerRequest? = nil, cancelled: [Fence: String] = [:], hasSuspects: Bool = false) {
        self.request = request
        self.cancelled = cancelled
        self.hasSuspects = hasSuspects
    }
}
