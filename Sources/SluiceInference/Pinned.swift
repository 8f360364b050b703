internal import SluiceSystem

/// A value that only its own thread touches.
// The value never leaves the thread's closures, which run one after the other.
struct Pinned<Value>: @unchecked Sendable {
    private let value: Value
    let thread: PinnedThread

    init(_ value: Value, thread name: String) {
        self.value = value
        thread = PinnedThread(name: name)
    }

    func run<Result: Sendable, Failure: Error>(
        _ body: @escaping @Sendable (Value) throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        try await thread.run { () throws(Failure) -> Result in try body(self.value) }
    }

    func submit(_ body: @escaping @Sendable (Value) -> Void) {
        thread.submit { body(self.value) }
    }
}
