internal import SluiceCore

/// Chunks as runs of consecutive numbers, ascending: those of a document were mostly numbered at once, and a run is looked up in an
/// index by one descent instead of one for each.
struct ChunkRuns: Sendable {
    /// The first and the last of each run.
    private(set) var first: [Int64] = []
    private(set) var last: [Int64] = []

    init(_ chunks: [ChunkID]) {
        for number in chunks.lazy.map(\.rawValue).sorted() {
            if let end = last.last, number - end <= 1 {
                last[last.count - 1] = number
            } else {
                first.append(number)
                last.append(number)
            }
        }
    }

    var isEmpty: Bool { first.isEmpty }
}
