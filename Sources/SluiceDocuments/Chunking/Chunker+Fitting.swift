internal import SluiceSystem

/// Making chunks fit a model: what is too long is split again, never truncated.
extension Chunker {
    /// Splits the chunk into pieces of at most `size` characters, without overlap; only white space at cuts can get lost (when
    /// stripping). A chunk that is not longer comes back as it is.
    ///
    /// - Parameter pageStarts: the document's; without them the pieces keep the whole chunk's pages.
    /// - Returns: the pieces in order, all with the chunk's ordinal; number them with `renumbered`.
    package func divided(_ chunk: ChunkDraft, size: Int, pageStarts: [Int] = []) -> [ChunkDraft] {
        guard chunk.charTo - chunk.charFrom > max(size, 1) else { return [chunk] }
        let smaller = SplitterConfiguration(
            unchecked: max(size, 1),
            overlap: 0,
            separators: configuration.separators.filter { $0 != "" } + [""],
            keepSeparator: configuration.keepSeparator == .none ? .end : configuration.keepSeparator,
            strip: configuration.strip
        )
        let pages = PageMap(starts: pageStarts)
        return RecursiveSplitter(configuration: smaller).split(chunk.text).map { piece in
            let from = chunk.charFrom + piece.charFrom
            let to = chunk.charFrom + piece.charTo
            return ChunkDraft(
                ordinal: chunk.ordinal,
                text: piece.text,
                charFrom: from,
                charTo: to,
                pageFrom: pages.page(at: from) ?? chunk.pageFrom,
                pageTo: pages.page(at: to - 1) ?? chunk.pageTo,
                headingPath: chunk.headingPath,
                contentHash: SHA256Digest(ofText: piece.text)
            )
        }
    }

    /// The chunk itself when it fits, else halves of it, or halves of these, that all fit, in order, with the chunk's ordinal.
    ///
    /// A single character that does not fit stays: nothing is left to split.
    package func resplit(
        _ chunk: ChunkDraft,
        pageStarts: [Int] = [],
        fits: (String) -> Bool
    ) -> [ChunkDraft] {
        if fits(chunk.text) || chunk.charTo - chunk.charFrom <= 1 { return [chunk] }
        let half = (chunk.charTo - chunk.charFrom + 1) / 2
        return divided(chunk, size: half, pageStarts: pageStarts).flatMap {
            resplit($0, pageStarts: pageStarts, fits: fits)
        }
    }

    /// All chunks, those above `limit` replaced by pieces that fit, numbered anew.
    ///
    /// - Parameters:
    ///   - limit: the most tokens of a chunk.
    ///   - count: the tokens of each text; called with many texts at once, a few times.
    /// - Returns: the chunks, and how many of the given ones were too long.
    package func fitting<Failure: Error>(
        _ chunks: [ChunkDraft],
        pageStarts: [Int] = [],
        limit: Int,
        count: ([String]) async throws(Failure) -> [Int]
    ) async throws(Failure) -> (chunks: [ChunkDraft], resplit: Int) {
        var result = chunks
        var unknown = Array(chunks.indices)
        var resplit: Int?
        while !unknown.isEmpty {
            let counts = try await count(unknown.map { result[$0].text })
            // Which are too long, and the size of their pieces.
            var sizes: [Int: Int] = [:]
            for (index, tokens) in zip(unknown, counts) where tokens > limit {
                let length = result[index].charTo - result[index].charFrom
                if length > 1 { sizes[index] = Self.pieceSize(length: length, tokens: tokens, limit: limit) }
            }
            if resplit == nil { resplit = sizes.count }
            if sizes.isEmpty { break }
            unknown = []
            var next: [ChunkDraft] = []
            for (index, chunk) in result.enumerated() {
                guard let size = sizes[index] else {
                    next.append(chunk)
                    continue
                }
                let pieces = divided(chunk, size: size, pageStarts: pageStarts)
                unknown += next.count..<(next.count + pieces.count)
                next += pieces
            }
            result = next
        }
        return (Self.renumbered(result), resplit ?? 0)
    }

    /// As many pieces of like size as the tokens ask for, with some room: a cut at a sentence's end falls where it falls, and
    /// tokens are not spread evenly. Always shorter than `length`, so that the splitting ends.
    private static func pieceSize(length: Int, tokens: Int, limit: Int) -> Int {
        guard limit > 0 else { return (length + 1) / 2 }
        let pieces = max(2, (tokens * 10 + limit * 9 - 1) / (limit * 9))
        let even = length / pieces
        return min(length - 1, max(1, even + even / 8))
    }

    /// The chunks with ordinals 0, 1, 2, … in the order given.
    package static func renumbered(_ chunks: [ChunkDraft]) -> [ChunkDraft] {
        var chunks = chunks
        for index in chunks.indices { chunks[index].ordinal = index }
        return chunks
    }
}
