package import SluiceCore
package import SluiceSystem

/// What turns the chunks that answer into those of a new version: a multiset difference by content hash.
///
/// Equal texts are matched one by one, in order, so that a chunk that stays keeps its row and its vector wherever it moves.
/// Takes time in proportion to both lists, which a join in the database does not when its statistics lag behind.
package struct ChunkDiff: Sendable, Equatable {
    /// A live chunk and the place it takes in the new list.
    package struct Kept: Sendable, Equatable {
        package let chunk: ChunkID
        /// From 0.
        package let place: Int

        package init(chunk: ChunkID, place: Int) {
            self.chunk = chunk
            self.place = place
        }
    }

    /// In the order of the new list.
    package private(set) var kept: [Kept] = []
    /// Places of the new list that no live chunk can take, ascending.
    package private(set) var added: [Int] = []
    /// Live chunks without a place, in their order.
    package private(set) var gone: [ChunkID] = []

    /// - Parameters:
    ///   - live: the chunks that answer, in their document's order.
    ///   - staged: content hashes of the new list, in its order.
    package init(live: [(chunk: ChunkID, hash: SHA256Digest)], staged: [SHA256Digest]) {
        // Last first, so that taking the next is taking the last.
        var twins: [SHA256Digest: [ChunkID]] = [:]
        for (chunk, hash) in live.reversed() { twins[hash, default: []].append(chunk) }
        for (place, hash) in staged.enumerated() {
            if let chunk = twins[hash]?.popLast() {
                kept.append(Kept(chunk: chunk, place: place))
            } else {
                added.append(place)
            }
        }
        let left = Set(twins.values.joined())
        gone = live.lazy.map(\.chunk).filter { left.contains($0) }
    }
}
