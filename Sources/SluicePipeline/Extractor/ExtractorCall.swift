internal import SluiceCore
internal import SluiceSystem
internal import Synchronization

/// One caller's extraction, through which its cancellation reaches the process that works for it.
final class ExtractorCall: Sendable {
    private struct State {
        var isCancelled = false
        var process: ChildProcess?
    }

    let source: ExtractorSource
    let mediaTypeHint: String?
    let passwords: [String]
    let limits: ExtractionLimits
    private let state = Mutex(State())

    init(source: ExtractorSource, mediaTypeHint: String?, passwords: [String], limits: ExtractionLimits) {
        self.source = source
        self.mediaTypeHint = mediaTypeHint
        self.passwords = passwords
        self.limits = limits
    }

    var isCancelled: Bool { state.withLock { $0.isCancelled } }

    /// Ends the process that works for this call, now or when one begins to.
    func cancel() {
        let process = state.withLock { state in
            state.isCancelled = true
            return state.process
        }
        process?.killGroup()
    }

    /// Runs `body` while `process` stands in for this call; throws when the call was cancelled before or meanwhile.
    func occupying<Value>(_ process: ChildProcess, _ body: () -> Value) throws(ExtractorError) -> Value {
        let mayRun = state.withLock { state in
            if !state.isCancelled { state.process = process }
            return !state.isCancelled
        }
        guard mayRun else { throw .cancelled }
        let value = body()
        let wasCancelled = state.withLock { state in
            state.process = nil
            return state.isCancelled
        }
        guard !wasCancelled else { throw .cancelled }
        return value
    }
}

/// Where a document's bytes come from.
enum ExtractorSource: Sendable {
    case path(String)
    case descriptor(OwnedDescriptor)

    /// For messages.
    var name: String {
        switch self {
        case .path(let path): path
        case .descriptor: "(an open file)"
        }
    }

    /// Opens a path; blocks its thread for as long as the disk takes.
    func open() throws(ExtractorError) -> OwnedDescriptor {
        switch self {
        case .descriptor(let descriptor): return descriptor
        case .path(let path):
            do throws(SystemCallError) {
                return try OwnedDescriptor.open(reading: path)
            } catch {
                throw .fileUnavailable(path: path, reason: error.description)
            }
        }
    }
}
