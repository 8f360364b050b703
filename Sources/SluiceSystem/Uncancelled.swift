/// Runs `body` to its end even when the calling task is cancelled: for writes that must not be lost half-way.
///
/// Swift 6.3 has no cancellation shield, so this is the one place in the libraries that makes an unstructured task.
package func uncancelled<Value: Sendable>(
    _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await Task { try await body() }.value
}

/// Runs `body` on its own, as nobody's child: for work that others wait for by other means.
package func detached(_ body: @escaping @Sendable () async -> Void) { Task.detached { await body() } }
