import SluiceSystem
import Testing

@Suite("The README's snippets")
struct ReadmeTests {
    @Test(
        "are the code that these tests compile and run",
        arguments: ["ReadmeExample.swift", "TestingExample.swift", "ReaderExample.swift"]
    )
    func snippets(file: String) throws {
        let here = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let root = here.dropLast(2).joined(separator: "/")
        let source = try #require(Environment.textFile(here.joined(separator: "/") + "/" + file))
        let readme = try #require(Environment.textFile(root + "/README.md"))
        let lines = source.split(separator: "\n", omittingEmptySubsequences: false)
        let first = try #require(lines.firstIndex(of: "// README begin"))
        let last = try #require(lines.firstIndex(of: "// README end"))
        #expect(readme.contains(lines[(first + 1)..<last].joined(separator: "\n")))
    }
}
