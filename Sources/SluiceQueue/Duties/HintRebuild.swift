package import SluiceCore

/// Hints made anew from the store, for an operator who does not trust what Redis holds. Safe at any time: doubles that a
/// leader pushes at the same moment are dropped by claims.
package enum HintRebuild {
    package struct Report: Sendable, Equatable {
        /// Ids that lay in windows before.
        package let dropped: Int
        /// Ids that the windows hold now.
        package let windows: [QueueName: Int]
    }

    package static func run(
        store: any TaskStore,
        hints: any TaskHints,
        aging: AgingOrder = AgingOrder()
    ) async throws -> Report {
        let queues = try await store.dispatchState().queues.map(\.name)
        let dropped = try await hints.dropAll(queues)
        _ = try await Relay(store: store, hints: hints, order: aging).round()
        return Report(dropped: dropped, windows: try await hints.windowCounts(queues))
    }
}
