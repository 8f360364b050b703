/// Calls something once, later, unless it is disarmed before: for time limits on continuations, which no structured
/// group can watch.
package final class Alarm: Sendable {
    private let task: Task<Void, Never>

    package init(after delay: Duration, _ ring: @escaping @Sendable () -> Void) {
        task = Task {
            // Cancelled means disarmed.
            guard (try? await Task.sleep(for: delay)) != nil else { return }
            ring()
        }
    }

    /// Does nothing when it has rung.
    package func disarm() { task.cancel() }
}
