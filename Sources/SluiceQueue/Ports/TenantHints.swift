package import SluiceCore

/// What the server of hints keeps by tenant: token buckets of its rates.
package protocol TenantHints: Sendable {
    /// Removes all of it. Returns how many keys there were.
    func forget(_ tenant: TenantID, queues: [QueueName]) async throws -> Int
}
