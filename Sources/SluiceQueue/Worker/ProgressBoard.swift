internal import SluiceCore
internal import Synchronization

/// What handlers said of their progress since the last exchange: the newest word of each. One exchange a second carries it
/// to the store, so a handler may say as much as it likes.
final class ProgressBoard: Sendable {
    private let said = Mutex<[Fence: ProgressReport]>([:])
    /// Tells the clocks.
    private let heard: @Sendable (Fence) -> Void

    init(heard: @escaping @Sendable (Fence) -> Void) { self.heard = heard }

    func report(_ report: ProgressReport) {
        said.withLock { $0[report.fence] = report }
        heard(report.fence)
    }

    func take() -> [ProgressReport] {
        said.withLock { said in
            defer { said.removeAll(keepingCapacity: true) }
            return said.values.sorted { $0.fence.task < $1.fence.task }
        }
    }

    /// Those could not be stored: they go with the next exchange, unless something newer was said.
    func putBack(_ reports: [ProgressReport]) {
        said.withLock { said in
            for report in reports where said[report.fence] == nil { said[report.fence] = report }
        }
    }
}
