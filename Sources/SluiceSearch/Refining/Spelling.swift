/// Words that may have been meant by one that no chunk has, one slip away.
///
/// What one slip makes of a word (a letter left out, added, exchanged or swapped with the next) are some hundreds of words; which of
/// them chunks have, the index of words tells.
enum Spelling {
    /// Shorter words are one slip away from too many others.
    static let lengths = 4...20
    static let wordsAtMost = 32
    private static let letters = Array("abcdefghijklmnopqrstuvwxyz".unicodeScalars)

    /// The words of a question that are worth a second look, in lower case, each once.
    static func words(_ text: String) -> [String] {
        var seen: Set<String> = []
        return text.lowercased().unicodeScalars
            .split { !$0.properties.isAlphabetic && $0.properties.numericType == nil }
            .map { String(String.UnicodeScalarView($0)) }
            .filter { lengths.contains($0.unicodeScalars.count) && seen.insert($0).inserted }
            .prefix(wordsAtMost).map(\.self)
    }

    /// All words one slip away, in order and each once. Letters are those of English and of the word itself.
    static func neighbours(_ word: String) -> [String] {
        let scalars = Array(word.unicodeScalars)
        let alphabet = letters + Set(scalars).subtracting(letters).sorted()
        var found: Set<String> = []
        func take(_ scalars: some Sequence<Unicode.Scalar>) {
            var view = String.UnicodeScalarView()
            view.append(contentsOf: scalars)
            found.insert(String(view))
        }
        for place in 0...scalars.count {
            let (head, tail) = (scalars[..<place], scalars[place...])
            for letter in alphabet { take(head + [letter] + tail) }
            guard let first = tail.first else { continue }
            take(head + tail.dropFirst())
            for letter in alphabet where letter != first { take(head + [letter] + tail.dropFirst()) }
            if tail.count > 1 { take(head + [tail[place + 1], first] + tail.dropFirst(2)) }
        }
        found.remove(word)
        return found.sorted()
    }

    /// How alike two words are by their groups of three letters, ends included, 0...1: the part of all groups that both have.
    static func similarity(_ left: String, _ right: String) -> Double {
        let (one, two) = (groups(left), groups(right))
        let all = one.union(two).count
        return all == 0 ? 0 : Double(one.intersection(two).count) / Double(all)
    }

    private static func groups(_ word: String) -> Set<[Unicode.Scalar]> {
        let padded = [" ", " "] + Array(word.unicodeScalars) + [" "]
        return Set((0...(padded.count - 3)).map { Array(padded[$0..<($0 + 3)]) })
    }

    /// A word that chunks have.
    struct Known: Sendable, Equatable {
        let word: String
        let term: Int64
        let frequency: Int
    }

    /// What is asked for in place of the words: of each the most alike ones that are known, the commoner first. Of words with one stem
    /// the shortest stands for all: stemming makes words of many that are none.
    ///
    /// - Parameter most: for one word.
    static func meant(_ words: [String], _ known: [Known], most: Int) -> [(word: String, instead: Known)] {
        let byWord = Dictionary(grouping: known, by: \.word)
        return words.flatMap { word in
            Dictionary(grouping: neighbours(word).flatMap { byWord[$0] ?? [] }, by: \.term).values
                .compactMap { same -> (likeness: Double, known: Known)? in
                    let likeness = same.map { similarity(word, $0.word) }.max() ?? 0
                    let shortest = same.min {
                        ($0.word.unicodeScalars.count, $0.word) < ($1.word.unicodeScalars.count, $1.word)
                    }
                    return shortest.map { (likeness, $0) }
                }
                .sorted {
                    ($1.likeness, $1.known.frequency, $0.known.word) < ($0.likeness, $0.known.frequency, $1.known.word)
                }
                .prefix(most).map { (word, $0.known) }
        }
    }
}
