extension Chunker {
    /// The chunker that a fingerprint names; nil for one of another algorithm, or of another version of this one.
    ///
    /// What is read back is held against the fingerprint: chunks are never cut by something like what was meant.
    package init?(fingerprint: String) {
        var rest = fingerprint[...]
        func take(_ text: String) -> Bool {
            guard rest.hasPrefix(text) else { return false }
            rest.removeFirst(text.count)
            return true
        }
        func word() -> String {
            let end = rest.firstIndex(of: " ") ?? rest.endIndex
            defer { rest = rest[end...] }
            return String(rest[..<end])
        }
        guard take("recursive/1 size="), let size = Int(word()), take(" overlap="), let overlap = Int(word()),
            take(" unit=scalar keep="), let keep = SeparatorPlacement(rawValue: word()), take(" strip="),
            let strip = Bool(word()), take(" separators=["), rest.last == "]",
            let separators = Self.separators(rest.dropLast().unicodeScalars), !separators.isEmpty,
            let configuration = try? SplitterConfiguration(
                chunkSize: size,
                overlap: overlap,
                separators: separators,
                keepSeparator: keep,
                strip: strip
            )
        else { return nil }
        self.init(configuration: configuration)
        guard self.fingerprint == fingerprint else { return nil }
    }

    /// The same chunker with pieces of another size, or with another overlap; nil parts stay as they are, but that an overlap is never
    /// kept that is more than the new size.
    ///
    /// - Throws: as `SplitterConfiguration`'s initialiser.
    package func resized(chunkSize: Int?, overlap: Int?) throws(InvalidChunking) -> Chunker {
        let size = chunkSize ?? configuration.chunkSize
        return Chunker(
            configuration: try SplitterConfiguration(
                chunkSize: size,
                overlap: overlap ?? min(configuration.overlap, max(size, 0)),
                separators: configuration.separators,
                keepSeparator: configuration.keepSeparator,
                strip: configuration.strip
            )
        )
    }

    /// `"…","…",pattern "…"`, as `fingerprint` writes them; nil for anything else.
    private static func separators(_ list: Substring.UnicodeScalarView) -> [Separator]? {
        var scalars = list.makeIterator()
        var result: [Separator] = []
        while let first = scalars.next() {
            var isPattern = false
            if first == "p" {
                for expected in "attern \"".unicodeScalars where scalars.next() != expected { return nil }
                isPattern = true
            } else if first != "\"" {
                return nil
            }
            guard let text = quoted(&scalars) else { return nil }
            if isPattern {
                guard let pattern = try? SeparatorPattern(text) else { return nil }
                result.append(.pattern(pattern))
            } else {
                result.append(.literal(text))
            }
            guard let comma = scalars.next() else { return result }
            if comma != "," { return nil }
        }
        return result
    }

    /// The rest of a quoted text, to its closing mark.
    private static func quoted(_ scalars: inout Substring.UnicodeScalarView.Iterator) -> String? {
        var text = String.UnicodeScalarView()
        while let scalar = scalars.next() {
            if scalar == "\"" { return String(text) }
            guard scalar == "\\" else {
                text.append(scalar)
                continue
            }
            switch scalars.next() {
            case "n": text.append("\n")
            case "u":
                guard scalars.next() == "{" else { return nil }
                var digits = ""
                while let digit = scalars.next(), digit != "}" { digits.unicodeScalars.append(digit) }
                guard let value = UInt32(digits, radix: 16), let meant = Unicode.Scalar(value) else { return nil }
                text.append(meant)
            case let escaped?: text.append(escaped)
            case nil: return nil
            }
        }
        return nil
    }
}
