import SluiceExtraction
import Testing

@Suite("Titles")
struct MarkdownTitleTests {
    @Test(
        "a Markdown text's title",
        arguments: [
            ("# One\n## Two", "One"),
            ("intro\n\n## Two ##\n", "Two"),
            ("---\ntitle: \"From front\"\n---\n# Other", "From front"),
            ("---\r\nTitle: 'Windows'\r\n---\r\n# Other\r\n", "Windows"),
            ("---\nlang: en\n---\n# Heading", "Heading"),
            ("Set with a line\n===\n", "Set with a line"),
            ("Dashes\n---\ntext", "Dashes"),
            ("```\n# code\n```\n# Real", "Real"),
            ("    # indented code\n\n# Real", "Real"),
            ("#hashtag\n# Real", "Real"),
            ("# C#", "C#"),
            ("#  spaced   out\t\n", "spaced out"),
            ("no heading at all", nil),
            ("", nil),
            ("# \n## \n", nil),
            ("--- \ntitle: not closed\n", nil),
        ] as [(String, String?)]
    )
    func title(text: String, expected: String?) {
        #expect(MarkdownTitle.find(in: text) == expected)
    }

    @Test("one line out of untrusted text")
    func oneLine() {
        #expect(OneLine.of("  a\u{0}\n b\t\u{7}c ") == "a b c")
        #expect(OneLine.of(" \n\u{FEFF}") == nil)
        #expect(OneLine.of(String(repeating: "é", count: 9_000))?.unicodeScalars.count == 500)
    }
}
