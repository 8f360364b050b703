extension TaskFailure {
    /// Groups failures that differ only in particulars: quoted parts become `''`, paths and URLs `<path>`, numbers, UUIDs and
    /// other hexadecimal names `#`.
    ///
    /// `extraction.timeout: no answer within 60 s` and `… within 120 s` share one fingerprint. Stored with dead letters: a change
    /// of these rules parts old groups from new ones.
    package var fingerprint: String {
        errorClass + ": " + FailureFingerprint.fold(message)
    }
}

enum FailureFingerprint {
    static func fold(_ message: String) -> String {
        let scalars = Array(message.unicodeScalars.prefix(500))
        var result = String.UnicodeScalarView()
        var place = 0
        while place < scalars.count {
            let scalar = scalars[place]
            if isQuote(scalar), !isWord(place > 0 ? scalars[place - 1] : " "), let end = closing(scalars, place) {
                result.append(contentsOf: [scalar, scalar])
                place = end + 1
            } else if isBreak(scalar) {
                result.append(scalar)
                place += 1
            } else {
                var end = place
                while end < scalars.count, !isBreak(scalars[end]), end == place || !opens(scalars, end) { end += 1 }
                result.append(contentsOf: token(scalars[place..<end]))
                place = end
            }
        }
        return String(result)
    }

    private static func isQuote(_ scalar: Unicode.Scalar) -> Bool { scalar == "'" || scalar == "\"" }

    private static func opens(_ scalars: [Unicode.Scalar], _ place: Int) -> Bool {
        isQuote(scalars[place]) && !isWord(scalars[place - 1])
    }

    /// The quote that ends what begins at `start`: the next of its kind that no letter or digit follows.
    private static func closing(_ scalars: [Unicode.Scalar], _ start: Int) -> Int? {
        scalars.indices.dropFirst(start + 1).first {
            scalars[$0] == scalars[start] && ($0 + 1 == scalars.count || !isWord(scalars[$0 + 1]))
        }
    }

    private static func isWord(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isAlphabetic || isDigit(scalar) }
    private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }

    private static func isBreak(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case " ", "\t", "\n", "\r", ",", ";", "(", ")", "[", "]", "{", "}", "=", "<", ">", "|": true
        default: false
        }
    }

    /// A run without breaks: a path, or words with their hexadecimal and decimal parts folded.
    private static func token(_ scalars: ArraySlice<Unicode.Scalar>) -> [Unicode.Scalar] {
        if scalars.count > 1, scalars.contains("/") {
            // What closes a sentence belongs to it, not to the path.
            let tail = scalars.reversed().prefix { $0 == "." || $0 == ":" }
            return Array("<path>".unicodeScalars) + tail.reversed()
        }
        var result: [Unicode.Scalar] = []
        for part in scalars.split(omittingEmptySubsequences: false, whereSeparator: { !isWord($0) && $0 != "-" }) {
            if part.startIndex > scalars.startIndex { result.append(scalars[part.startIndex - 1]) }
            result += word(part)
        }
        return result
    }

    private static func word(_ word: ArraySlice<Unicode.Scalar>) -> [Unicode.Scalar] {
        let digits = word.count(where: isDigit)
        if word.count >= 8, digits > 0,
            word.allSatisfy({ isDigit($0) || ("a"..."f").contains($0) || ("A"..."F").contains($0) || $0 == "-" })
        {
            return ["#"]
        }
        var result: [Unicode.Scalar] = []
        for scalar in word {
            if !isDigit(scalar) {
                result.append(scalar)
            } else if result.last != "#" {
                result.append("#")
            }
        }
        return result
    }
}
