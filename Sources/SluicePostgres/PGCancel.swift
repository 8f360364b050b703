internal import CLibPQ
internal import SluiceSystem
internal import Synchronization

/// The one owner of a `PGcancel`, which libpq allows to be used from any thread.
// The pointer is constant and PQcancel is thread-safe by libpq's contract.
final class PGCancel: @unchecked Sendable {
    private let raw: OpaquePointer
    private let isUnderWay = Atomic<Bool>(false)

    init(adopting raw: OpaquePointer) { self.raw = raw }

    deinit { PQfreeCancel(raw) }

    /// Asks the server to stop what the connection runs, without waiting: asking means connecting, which may take long.
    func send() {
        guard !isUnderWay.exchange(true, ordering: .relaxed) else { return }
        PinnedThread.detach(name: "pg-cancel") {
            var message = [CChar](repeating: 0, count: 256)
            PQcancel(self.raw, &message, Int32(message.count))
            self.isUnderWay.store(false, ordering: .relaxed)
        }
    }
}
