/// The pieces that the next chunk is joined from: LangChain's `_merge_splits`, step by step.
///
/// A queue with a head index, because dropping from an array's front once a piece would be quadratic.
struct MergeWindow {
    private var storage: [TextRange] = []
    private var head = 0
    /// Scalars of the pieces and of the separators between them.
    private var total = 0

    var pieces: ArraySlice<TextRange> { storage[head...] }

    private var count: Int { storage.count - head }

    /// True when `length` more scalars would make the chunk larger than `size`.
    func isFull(for length: Int, joiner: Int, size: Int) -> Bool {
        total + length + (count == 0 ? 0 : joiner) > size
    }

    /// Drops pieces from the front until what stays is at most the overlap and leaves room for `length`.
    mutating func shrink(for length: Int, joiner: Int, size: Int, overlap: Int) {
        while total > overlap || (total > 0 && isFull(for: length, joiner: joiner, size: size)) {
            total -= storage[head].charCount + (count > 1 ? joiner : 0)
            head += 1
        }
        if head == storage.count {
            removeAll()
        } else if head > 64, head * 2 > storage.count {
            storage.removeFirst(head)
            head = 0
        }
    }

    mutating func append(_ piece: TextRange, joiner: Int) {
        storage.append(piece)
        total += piece.charCount + (count > 1 ? joiner : 0)
    }

    mutating func removeAll() {
        storage.removeAll(keepingCapacity: true)
        head = 0
        total = 0
    }
}
