internal import SluiceCore

/// Thrown when a condition did not come true in time.
package struct NeverHappened: Error, CustomStringConvertible {
    package let what: String
    package let waited: Duration

    package init(what: String, waited: Duration) {
        self.what = what
        self.waited = waited
    }

    package var description: String { "\(what): not within \(waited.inSeconds) s" }
}

/// Waits until `condition` holds, asking again every few milliseconds, at most `limit`.
///
/// Tests wait for what they need, never for a time.
package func eventually(
    _ what: String,
    within limit: Duration = .seconds(20),
    _ condition: () async throws -> Bool
) async throws {
    let start = ContinuousClock.now
    while true {
        if try await condition() { return }
        if start.elapsed > limit { throw NeverHappened(what: what, waited: limit) }
        try await Task.sleep(for: .milliseconds(10))
    }
}

/// Waits until `value` gives something, and returns it.
package func eventually<Value>(
    _ what: String,
    within limit: Duration = .seconds(20),
    value: () async throws -> Value?
) async throws -> Value {
    let start = ContinuousClock.now
    while true {
        if let value = try await value() { return value }
        if start.elapsed > limit { throw NeverHappened(what: what, waited: limit) }
        try await Task.sleep(for: .milliseconds(10))
    }
}
