internal import SluiceCore

/// A fault of the machinery around extraction; how a document ended is an ``ExtractionOutcome``, never an error.
package enum ExtractorError: TransientFailure, Hashable, CustomStringConvertible {
    /// There is no runnable extractor at this path.
    case executableMissing(path: String)
    /// The child did not get as far as greeting.
    case cannotStart(reason: String)
    /// The child is not confined as it must be before it may see a document.
    case notConfined(missing: String)
    /// The source file cannot be opened by this worker.
    case fileUnavailable(path: String, reason: String)
    /// The calling task was cancelled; the child that worked for it is dead.
    case cancelled
    /// The pool was shut down.
    case closed

    package var isTransient: Bool {
        switch self {
        case .cannotStart, .cancelled, .closed: true
        case .executableMissing, .notConfined, .fileUnavailable: false
        }
    }

    package var description: String {
        switch self {
        case .executableMissing(let path):
            "there is no extractor to run at '\(path)'; install it beside the worker or set SLUICE_EXTRACTOR"
        case .cannotStart(let reason):
            "the extractor did not start: \(reason); run `extractor --self-test` on this host"
        case .notConfined(let missing):
            "the extractor runs without \(missing), so no document was given to it; run `extractor --self-test` on this host"
        case .fileUnavailable(let path, let reason):
            "the file '\(path)' cannot be read by this worker (\(reason)); check that it still exists and its permissions"
        case .cancelled: "the extraction was cancelled"
        case .closed: "the extractors are shut down"
        }
    }
}
