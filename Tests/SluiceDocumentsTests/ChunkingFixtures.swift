import FoundationEssentials
import SluiceCore
import SluiceDocuments
import Testing

/// Cases whose expected chunks LangChain 1.1.3 itself produced.
struct SplitterCases: Decodable {
    struct Case: Decodable, Sendable, CustomTestStringConvertible {
        var name: String
        var text: String
        var args: Arguments
        var chunks: [String]

        var testDescription: String { name }
    }

    struct Arguments: Decodable, Sendable {
        var chunk_size: Int
        var chunk_overlap: Int
        var separators: [String]?
        var keep_separator: Keep?
        var strip_whitespace: Bool?
        var is_separator_regex: Bool?

        func configuration() throws -> SplitterConfiguration {
            let patterns = is_separator_regex ?? false
            return try SplitterConfiguration(
                chunkSize: chunk_size,
                overlap: chunk_overlap,
                separators: (separators ?? []).map {
                    patterns && !$0.isEmpty ? .pattern(try SeparatorPattern($0)) : .literal($0)
                },
                keepSeparator: keep_separator?.placement ?? .start,
                strip: strip_whitespace ?? true
            )
        }
    }

    /// LangChain's `keep_separator`: a Boolean or a word.
    enum Keep: Decodable, Sendable {
        case flag(Bool)
        case word(String)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let flag = try? container.decode(Bool.self) {
                self = .flag(flag)
            } else {
                self = .word(try container.decode(String.self))
            }
        }

        var placement: SeparatorPlacement? {
            switch self {
            case .flag(let isKept): isKept ? .start : SeparatorPlacement.none
            case .word(let word): SeparatorPlacement(rawValue: word)
            }
        }
    }

    var cases: [Case]

    /// Reads `Tests/Fixtures/<name>`, or any file when an absolute path is given.
    static func load(_ name: String) throws -> [Case] {
        let folder = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        let path = name.hasPrefix("/") ? name : "/\(folder)/Fixtures/\(name)"
        return try JSONDecoder().decode(SplitterCases.self, from: Data(contentsOf: URL(filePath: path))).cases
    }
}

/// A generator whose sequence is the same everywhere.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Made-up prose in many scripts, with paragraphs, lines, combining marks, emoji sequences and odd white space.
func multilingualText(words: Int, using generator: inout SeededGenerator) -> String {
    let vocabulary = [
        "water", "Panthers", "naïve", "Größe", "école", "e\u{301}te\u{301}", "Дом", "река", "ποταμός", "النهر", "सागर",
        "แม่น้ำ", "nước", "河川的水流", "東京都は大きい", "👩‍👩‍👧", "🇩🇪🇫🇷", "a\u{200B}b", "x=1;", "“quoted”", "3.14", "\u{1F600}",
    ]
    let gaps = [" ", " ", " ", " ", ". ", ". ", "\n", "\n\n", "  ", "\u{3000}", "\u{A0}", "\r\n", "\t", ""]
    var text = ""
    for _ in 0..<words {
        text += vocabulary.randomElement(using: &generator) ?? ""
        text += gaps.randomElement(using: &generator) ?? ""
    }
    return text
}

/// A document whose pages begin at the given offsets.
func document(_ text: String, pageStarts: [Int] = [], mediaType: String = "text/plain") -> ExtractedText {
    ExtractedText(
        text: text,
        pageStarts: pageStarts,
        metadata: DocumentMetadata(mediaType: mediaType, pageCount: pageStarts.count)
    )
}
