internal import Logging
internal import SluiceCore
internal import SluiceDocuments
package import SluiceQueue

/// `index.retire`: drops the table of a version that soaked, failed or was aborted, and the cached vectors of a model and the chunks
/// of a set that nothing uses any more.
package struct RetireIndex: Sendable {
    private let versions: any IndexVersionStore
    private static let breath = Duration.milliseconds(50)

    init(versions: any IndexVersionStore) { self.versions = versions }

    package func perform(_ input: RetireIndexInput, _ context: AttemptContext) async throws -> AttemptOutcome {
        let id = IndexVersionID(rawValue: input.version)
        do {
            switch try await versions.retire(id, isForced: false, fence: context.fence) {
            case .dropped(let uncached):
                context.logger.notice(
                    "index version dropped",
                    metadata: ["index.version": "\(id)", "uncached": "\(uncached)"]
                )
            case .clearing:
                // An attempt is not for as long as millions of rows take, and its slot is for others too.
                return .snoozed(for: Self.breath, reason: "gives way, and goes on removing what belonged to it")
            case .later(let delay):
                // Rolled back and swapped out again meanwhile: the soak began anew.
                return .snoozed(for: delay, reason: "it still soaks")
            case .wasDropped, .needed: break
            }
            return .completed
        } catch  where error.isTransientFailure && !context.isCancelled {
            // A vacuum or a backup, of minutes: it has time.
            return .snoozed(for: .seconds(20), reason: "somebody still reads it: \(error)")
        }
    }
}
