/// Titles and names out of untrusted documents, as one line.
package enum OneLine {
    /// `text` with runs of blanks and controls as single spaces, trimmed, at most 500 characters; nil when nothing is
    /// left.
    package static func of(_ text: some StringProtocol) -> String? {
        var result = String.UnicodeScalarView()
        var pendingSpace = false
        var count = 0
        for scalar in text.unicodeScalars {
            if scalar.properties.isWhitespace || scalar.properties.generalCategory == .control || scalar == "\u{FEFF}" {
                pendingSpace = !result.isEmpty
                continue
            }
            if count >= 500 { break }
            if pendingSpace { result.append(" ") }
            pendingSpace = false
            result.append(scalar)
            count += 1
        }
        return result.isEmpty ? nil : String(result)
    }
}
