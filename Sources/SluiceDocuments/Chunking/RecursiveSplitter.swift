/// A piece of a text, with where it truly lies in it.
package struct SplitPiece: Hashable, Sendable {
    /// Equal to the text's scalars `charFrom ..< charTo`, unless separators are dropped (`.none`) and several stood between two
    /// joined parts: then one stands here for all.
    package let text: String
    /// In Unicode scalars.
    package let charFrom: Int
    /// In Unicode scalars, exclusive.
    package let charTo: Int
}

/// Cuts texts the way LangChain's `RecursiveCharacterTextSplitter` 1.1.3 does, piece for piece, and knows where each piece lies.
///
/// Works on UTF-8 bytes; time is linear in the text times the number of separators.
package struct RecursiveSplitter: Sendable {
    package let configuration: SplitterConfiguration

    package init(configuration: SplitterConfiguration) {
        self.configuration = configuration
    }

    /// The pieces in the order of the text; none for white space only (when stripping).
    package func split(_ text: String) -> [SplitPiece] {
        withSpans(of: text) { text, spans in
            spans.map { span in
                SplitPiece(
                    text: span.joined.map { String(decoding: $0, as: UTF8.self) } ?? text.string(span.bytes),
                    charFrom: span.chars.lowerBound,
                    charTo: span.chars.upperBound
                )
            }
        }
    }

    /// Lends the text's bytes together with where the pieces lie, for callers that make something else of them.
    func withSpans<Result>(of text: String, _ body: (ScalarText, [SplitSpan]) -> Result) -> Result {
        var text = text
        return text.withUTF8 { bytes in
            let text = ScalarText(bytes)
            var cutter = Cutter(text: text, configuration: configuration)
            let whole = TextRange(bytes: 0..<text.byteCount, charStart: 0, charCount: text.count(0..<text.byteCount))
            cutter.cut(whole, separators: configuration.separators[...])
            return body(text, cutter.spans)
        }
    }
}

/// Where a piece lies.
struct SplitSpan {
    var bytes: Range<Int>
    var chars: Range<Int>
    /// The piece's own bytes where they are not simply those at `bytes`.
    var joined: [UInt8]?
}

/// A range of bytes that knows its scalars.
struct TextRange {
    var bytes: Range<Int>
    var charStart: Int
    var charCount: Int
}

/// One text being cut.
///
/// Invariant: the window is empty whenever `cut` is entered or left, which is why one window serves the whole recursion:
/// LangChain never carries an overlap across a recursion's border.
private struct Cutter {
    let text: ScalarText
    let configuration: SplitterConfiguration
    var spans: [SplitSpan] = []
    private var window = MergeWindow()

    init(text: ScalarText, configuration: SplitterConfiguration) {
        self.text = text
        self.configuration = configuration
    }

    mutating func cut(_ range: TextRange, separators: ArraySlice<Separator>) {
        for index in separators.indices {
            if case .literal("") = separators[index] { return cutAnywhere(range) }
            let finder = Finder(separators[index], in: text)
            if let first = finder.next(range.bytes) {
                return cut(range, at: first, finder, rest: separators[(index + 1)...])
            }
        }
        // No separator occurs: the range is one piece, and nothing is left to cut it with.
        guard range.charCount > 0 else { return }
        place(range, joiner: .nothing, rest: [])
        flush(.nothing)
    }

    private mutating func cut(
        _ range: TextRange,
        at first: Range<Int>,
        _ finder: Finder,
        rest: ArraySlice<Separator>
    ) {
        let joiner = configuration.keepSeparator == .none ? Joiner(finder, text: text) : .nothing
        var match: Range<Int>? = first
        var start = range.bytes.lowerBound
        var charStart = range.charStart
        while let found = match {
            let (end, next) =
                switch configuration.keepSeparator {
                case .start: (found.lowerBound, found.lowerBound)
                case .end: (found.upperBound, found.upperBound)
                case .none: (found.lowerBound, found.upperBound)
                }
            charStart = place(start..<end, charStart, joiner, rest)
            if next > end { charStart += text.count(end..<next) }
            start = next
            match = finder.next(found.upperBound..<range.bytes.upperBound)
        }
        _ = place(start..<range.bytes.upperBound, charStart, joiner, rest)
        flush(joiner)
    }

    /// Places the piece, unless it is empty; returns where it ends in scalars.
    private mutating func place(
        _ bytes: Range<Int>,
        _ charStart: Int,
        _ joiner: Joiner,
        _ rest: ArraySlice<Separator>
    ) -> Int {
        guard !bytes.isEmpty else { return charStart }
        let piece = TextRange(bytes: bytes, charStart: charStart, charCount: text.count(bytes))
        place(piece, joiner: joiner, rest: rest)
        return charStart + piece.charCount
    }

    private mutating func place(_ piece: TextRange, joiner: Joiner, rest: ArraySlice<Separator>) {
        // Strictly less: LangChain also recurses into a piece that just fits.
        if piece.charCount < configuration.chunkSize {
            let isFull = window.isFull(
                for: piece.charCount,
                joiner: joiner.charCount,
                size: configuration.chunkSize
            )
            if isFull {
                emit(window.pieces, joiner)
                window.shrink(
                    for: piece.charCount,
                    joiner: joiner.charCount,
                    size: configuration.chunkSize,
                    overlap: configuration.overlap
                )
            }
            window.append(piece, joiner: joiner.charCount)
        } else {
            flush(joiner)
            if rest.isEmpty {
                append(piece.bytes, charStart: piece.charStart, charCount: piece.charCount)
            } else {
                cut(piece, separators: rest)
            }
        }
    }

    /// The cut between all scalars, in closed form: every piece has one scalar, so the windows are at even distances.
    private mutating func cutAnywhere(_ range: TextRange) {
        let size = configuration.chunkSize
        if size == 1 {
            var position = range.bytes.lowerBound
            for char in 0..<range.charCount {
                let next = position + text.width(at: position)
                append(position..<next, charStart: range.charStart + char, charCount: 1)
                position = next
            }
            return
        }
        let step = size - min(configuration.overlap, size - 1)
        var char = 0
        var position = range.bytes.lowerBound
        while char < range.charCount {
            let count = min(size, range.charCount - char)
            let end = text.advance(position, by: count)
            emit(TextRange(bytes: position..<end, charStart: range.charStart + char, charCount: count))
            if char + count == range.charCount { return }
            position = text.advance(position, by: step)
            char += step
        }
    }

    private mutating func flush(_ joiner: Joiner) {
        emit(window.pieces, joiner)
        window.removeAll()
    }

    private mutating func emit(_ pieces: ArraySlice<TextRange>, _ joiner: Joiner) {
        guard let first = pieces.first, let last = pieces.last else { return }
        if case .bytes(let separator, _, let isLiteral) = joiner, pieces.count > 1 {
            return emit(joining: pieces, with: separator, isLiteral: isLiteral)
        }
        let bytes = first.bytes.lowerBound..<last.bytes.upperBound
        emit(
            TextRange(
                bytes: bytes,
                charStart: first.charStart,
                charCount: last.charStart + last.charCount - first.charStart
            )
        )
    }

    /// Appends the range, stripped when so configured, unless nothing is left of it.
    private mutating func emit(_ range: TextRange) {
        guard configuration.strip else {
            return append(range.bytes, charStart: range.charStart, charCount: range.charCount)
        }
        let kept = text.stripped(range.bytes)
        guard !kept.isEmpty else { return }
        let before = text.count(range.bytes.lowerBound..<kept.lowerBound)
        let after = text.count(kept.upperBound..<range.bytes.upperBound)
        append(kept, charStart: range.charStart + before, charCount: range.charCount - before - after)
    }

    private mutating func emit(joining pieces: ArraySlice<TextRange>, with separator: [UInt8], isLiteral: Bool) {
        var joined: [UInt8] = []
        for piece in pieces {
            if !joined.isEmpty { joined += separator }
            joined += text.slice(piece.bytes)
        }
        let kept =
            configuration.strip
            ? joined.withUnsafeBufferPointer { ScalarText($0).stripped(0..<joined.count) } : 0..<joined.count
        guard !kept.isEmpty else { return }
        let source = SourceMap(pieces: pieces, separatorCount: separator.count, isLiteral: isLiteral)
        let bytes = source.byte(of: kept.lowerBound)..<source.byte(of: kept.upperBound - 1) + 1
        let base = pieces[pieces.startIndex]
        let charStart = base.charStart + text.count(base.bytes.lowerBound..<bytes.lowerBound)
        let charCount = text.count(bytes)
        spans.append(
            SplitSpan(bytes: bytes, chars: charStart..<charStart + charCount, joined: Array(joined[kept]))
        )
    }

    private mutating func append(_ bytes: Range<Int>, charStart: Int, charCount: Int) {
        spans.append(SplitSpan(bytes: bytes, chars: charStart..<charStart + charCount, joined: nil))
    }
}

/// Finds one separator in a text.
private struct Finder {
    private let separator: Separator
    private let needle: [UInt8]
    private let text: ScalarText

    init(_ separator: Separator, in text: ScalarText) {
        self.separator = separator
        self.needle = Array(separator.source.utf8)
        self.text = text
    }

    var source: [UInt8] { needle }

    var isLiteral: Bool {
        if case .literal = separator { true } else { false }
    }

    func next(_ range: Range<Int>) -> Range<Int>? {
        switch separator {
        case .literal: text.firstMatch(of: needle, in: range)
        case .pattern(let pattern): pattern.firstMatch(in: text, range)
        }
    }
}

/// What stands between pieces that are joined.
private enum Joiner {
    /// Pieces kept their separators, so that neighbours are joined by nothing.
    case nothing
    case bytes([UInt8], charCount: Int, isLiteral: Bool)

    init(_ finder: Finder, text: ScalarText) {
        let count = finder.source.withUnsafeBufferPointer { ScalarText($0).count(0..<finder.source.count) }
        self = .bytes(finder.source, charCount: count, isLiteral: finder.isLiteral)
    }

    var charCount: Int {
        switch self {
        case .nothing: 0
        case .bytes(_, let charCount, _): charCount
        }
    }
}

/// Maps bytes of joined pieces back to the source.
private struct SourceMap {
    let pieces: ArraySlice<TextRange>
    let separatorCount: Int
    let isLiteral: Bool

    func byte(of joined: Int) -> Int {
        var offset = joined
        var previousEnd: Int?
        for piece in pieces {
            if let end = previousEnd {
                // A literal separator stands right before the piece; a pattern's own text stands nowhere.
                if offset < separatorCount {
                    return isLiteral ? piece.bytes.lowerBound - separatorCount + offset : end
                }
                offset -= separatorCount
            }
            if offset < piece.bytes.count { return piece.bytes.lowerBound + offset }
            offset -= piece.bytes.count
            previousEnd = piece.bytes.upperBound
        }
        return previousEnd ?? 0
    }
}
