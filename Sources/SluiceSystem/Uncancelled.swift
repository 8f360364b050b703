/// Runs `body` to its end even when the calling task is cancelled: for writes that must not be lost half-way.
///
/// Swift 6.3 has no cancellation shield, so this is one of the few places in the libraries that make an unstructured task.
///
/// - Parameter executor: where `body` runs; nil: on the cooperative pool. An unstructured task inherits no preference.
package func uncancelled<Value: Sendable>(
    on executor: (any TaskExecutor)? = nil,
    _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await Task(executorPreference: executor) { try await body() }.value
}

/// Work that runs on its own; whoever holds this may ask it to stop, nobody waits for it.
package struct Detached: Sendable {
    private let task: Task<Void, Never>

    fileprivate init(_ task: Task<Void, Never>) { self.task = task }

    /// Asks the body to stop. Its cancellation handlers run within this call.
    package func cancel() { task.cancel() }
}

/// Runs `body` on its own, as nobody's child: for work that others wait for by other means, or that may hang.
@discardableResult
package func detached(
    on executor: (any TaskExecutor)? = nil,
    _ body: @escaping @Sendable () async -> Void
) -> Detached {
    Detached(Task.detached(executorPreference: executor) { await body() })
}
