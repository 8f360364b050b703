/// A separator that is more than fixed text: a run of parts, each a set of scalars repeated greedily, without backtracking.
///
/// The subset of regular expressions that separators are written in: literal scalars, `\n \t \r \d \s \w`, an escaped
/// punctuation mark, `.`, sets such as `[a-z_]` and `[^ ]`, and the counts `? * + {m} {m,} {m,n}`. No groups, no
/// alternatives, no anchors: list two separators instead.
package struct SeparatorPattern: Hashable, Sendable {
    /// The pattern as it was written.
    package let source: String
    private let parts: [Part]

    private struct Part: Hashable, Sendable {
        var ranges: [ClosedRange<UInt32>] = []
        var classes: Set<ScalarClass> = []
        var isNegated = false
        var least = 1
        var most = 1

        func contains(_ scalar: UInt32) -> Bool {
            let isListed = ranges.contains { $0.contains(scalar) } || classes.contains { $0.contains(scalar) }
            return isListed != isNegated
        }
    }

    /// `\d`, `\s`, `\w`, over all of Unicode as in Python.
    private enum ScalarClass: Hashable, Sendable {
        case digit
        case space
        case word

        func contains(_ scalar: UInt32) -> Bool {
            if self == .space { return ScalarText.isPythonSpace(scalar) }
            guard let category = Unicode.Scalar(scalar)?.properties.generalCategory else { return false }
            switch category {
            case .decimalNumber: return true
            case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .letterNumber,
                .otherNumber:
                return self == .word
            default: return self == .word && scalar == 95
            }
        }
    }

    /// - Throws: `InvalidChunking.pattern` for anything outside the subset, and for patterns that can match nothing.
    package init(_ source: String) throws(InvalidChunking) {
        var reader = Reader(scalars: Array(source.unicodeScalars.map(\.value)))
        var parts: [Part] = []
        while let part = reader.part() { parts.append(part) }
        guard reader.isAtEnd, parts.contains(where: { $0.least > 0 }) else { throw .pattern(source) }
        self.source = source
        self.parts = parts
    }

    /// The bytes that the first match in `range` covers; nil when there is none. Linear but for the pattern's own length.
    func firstMatch(in text: ScalarText, _ range: Range<Int>) -> Range<Int>? {
        var start = range.lowerBound
        while start < range.upperBound {
            if let end = match(in: text, at: start, limit: range.upperBound) { return start..<end }
            start += text.width(at: start)
        }
        return nil
    }

    private func match(in text: ScalarText, at start: Int, limit: Int) -> Int? {
        var position = start
        for part in parts {
            var count = 0
            while count < part.most, position < limit, part.contains(text.scalar(at: position)) {
                position += text.width(at: position)
                count += 1
            }
            if count < part.least { return nil }
        }
        return position > start ? position : nil
    }

    private struct Reader {
        let scalars: [UInt32]
        var index = 0

        var isAtEnd: Bool { index == scalars.count }

        mutating func next() -> UInt32? {
            guard index < scalars.count else { return nil }
            defer { index += 1 }
            return scalars[index]
        }

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard index < scalars.count, scalars[index] == character.value else { return false }
            index += 1
            return true
        }

        /// One set with its count; nil at the end and, without having moved, at anything that is not understood.
        mutating func part() -> Part? {
            let start = index
            guard var part = set(), let (least, most) = count() else {
                index = start
                return nil
            }
            part.least = least
            part.most = most
            return part
        }

        private mutating func set() -> Part? {
            if take("[") { return bracketed() }
            guard let scalar = next(), let character = Unicode.Scalar(scalar) else { return nil }
            switch character {
            case "\\":
                var part = Part()
                return escaped(into: &part) ? part : nil
            case ".": return Part(ranges: [10...10], isNegated: true)
            case "(", ")", "|", "^", "$", "?", "*", "+", "{", "}", "]": return nil
            default: return Part(ranges: [scalar...scalar])
            }
        }

        private mutating func escaped(into part: inout Part) -> Bool {
            guard let scalar = next(), let character = Unicode.Scalar(scalar) else { return false }
            switch character {
            case "n": part.ranges.append(10...10)
            case "t": part.ranges.append(9...9)
            case "r": part.ranges.append(13...13)
            case "d": part.classes.insert(.digit)
            case "s": part.classes.insert(.space)
            case "w": part.classes.insert(.word)
            default:
                if ScalarClass.word.contains(scalar) { return false }
                part.ranges.append(scalar...scalar)
            }
            return true
        }

        private mutating func bracketed() -> Part? {
            var part = Part(isNegated: take("^"))
            while !take("]") {
                guard let low = next() else { return nil }
                if low == 92 {
                    guard escaped(into: &part) else { return nil }
                } else if take("-") {
                    guard let high = next(), high != 93, high >= low else { return nil }
                    part.ranges.append(low...high)
                } else {
                    part.ranges.append(low...low)
                }
            }
            return part.ranges.isEmpty && part.classes.isEmpty ? nil : part
        }

        private mutating func count() -> (Int, Int)? {
            if take("?") { return (0, 1) }
            if take("*") { return (0, .max) }
            if take("+") { return (1, .max) }
            guard take("{") else { return (1, 1) }
            guard let least = number() else { return nil }
            if take("}") { return least > 0 ? (least, least) : nil }
            guard take(",") else { return nil }
            if take("}") { return (least, .max) }
            guard let most = number(), take("}"), most >= max(least, 1) else { return nil }
            return (least, most)
        }

        private mutating func number() -> Int? {
            var value: Int?
            while index < scalars.count, (48...57).contains(scalars[index]), value ?? 0 < 100_000 {
                value = (value ?? 0) * 10 + Int(scalars[index] - 48)
                index += 1
            }
            return value
        }
    }
}
