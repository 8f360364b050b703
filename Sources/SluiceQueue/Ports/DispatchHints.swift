package import SluiceCore

/// What lets the relay choose, and not whoever comes first. Implemented on Redis by SluiceBroker; as lossy as all hints.
package protocol DispatchHints: Sendable {
    /// Offers ids straight after their enqueue, for an idle fleet: into a window with less than `windowLimit` ids, and only
    /// while the queue's gate is open. Calls the relay when something was not taken. Returns how many were.
    func announce(_ ids: [TaskID], queue: QueueName, windowLimit: Int) async throws -> Int
    /// Closes the gates of some queues to `announce` for a while and opens those of others.
    func setGates(closed: [QueueName], open: [QueueName]) async throws
    /// Takes ids out of a window. Returns how many were there.
    func withdraw(_ ids: [TaskID], queue: QueueName) async throws -> Int
    /// Takes tokens from buckets, which fill by the server's clock; for each request as many as wanted and present.
    func takeTokens(_ requests: [TokenRequest]) async throws -> [Int]
    /// Puts tokens back that were not used, never beyond the burst.
    func returnTokens(_ requests: [TokenRequest]) async throws
    /// Waits until somebody calls the relay, at most `atMost`; false when the time passed. Cancellable.
    func waitForCall(atMost: Duration) async throws -> Bool
    /// Drops all hints, wake-ups, gates and token buckets; what incarnations hold stays. Returns how many ids lay in windows.
    func dropAll(_ queues: [QueueName]) async throws -> Int
}

/// Tokens of one scope's bucket.
package struct TokenRequest: Sendable, Equatable {
    package let scope: ControlScope
    package let rate: RateLimit
    package var count: Int

    package init(scope: ControlScope, rate: RateLimit, count: Int) {
        self.scope = scope
        self.rate = rate
        self.count = count
    }
}
