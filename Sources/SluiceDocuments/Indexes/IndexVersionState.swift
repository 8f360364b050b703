/// The states of an index version, in the order of an undisturbed life. Raw values are stored.
package enum IndexVersionState: String, Sendable, CaseIterable {
    /// Registered; it has no table yet.
    case planned
    /// Its table is there, every ingest writes to it, and what was there before is being copied.
    case building
    /// Every chunk has its vector; the HNSW index is being built.
    case indexing
    /// The gates measure it.
    case validating
    /// It may be swapped in.
    case ready
    /// It answers.
    case live
    /// It answered until a swap; it is still written to, so that a rollback loses nothing.
    case soaking
    /// Its table is gone, or goes.
    case retired
    /// It did not pass: the reason stands in its row.
    case failed
    /// An operator gave it up.
    case aborted

    /// True while every ingest writes to its table.
    package var isWritten: Bool {
        switch self {
        case .building, .indexing, .validating, .ready, .live, .soaking: true
        case .planned, .retired, .failed, .aborted: false
        }
    }

    /// True for a version that is on its way to answer: an index has at most one.
    package var isCandidate: Bool {
        switch self {
        case .planned, .building, .indexing, .validating, .ready: true
        case .live, .soaking, .retired, .failed, .aborted: false
        }
    }

    /// True when nothing can happen to it any more.
    package var isFinal: Bool { !isWritten && self != .planned }
}
