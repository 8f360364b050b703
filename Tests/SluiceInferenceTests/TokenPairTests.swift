import SluiceTestKit
import Testing

@testable import SluiceInference

@Suite("Two texts as one")
struct TokenPairTests {
    @Test("the second follows without its first token, and both are cut to what fits, their ends kept")
    func known() {
        #expect(TokenPair([1, 5, 2], [1, 7, 8, 2], limit: 16) == TokenPair([1, 5, 2], [9, 7, 8, 2], limit: 16))
        let pair = TokenPair([1, 5, 2], [1, 7, 8, 2], limit: 16)
        #expect(pair.ids == [1, 5, 2, 7, 8, 2] && pair.border == 3)
        #expect(TokenPair([1, 5, 2], [1, 7, 8, 2], limit: 5).ids == [1, 2, 7, 8, 2])
        #expect(TokenPair([1, 5, 2], [1, 7, 8, 6, 2], limit: 6).ids == [1, 5, 2, 7, 8, 2])
    }

    @Test("any lengths: never longer than the limit, never more of the question than half", arguments: 0..<200)
    func bounds(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        func text() -> [Int32] {
            [101] + (0..<Int.random(in: 0...40, using: &random)).map { Int32($0 + 1_000) } + [102]
        }
        let (first, second) = (text(), text())
        let limit = Int.random(in: 8...64, using: &random)
        let pair = TokenPair(first, second, limit: limit)
        #expect(pair.border == min(first.count, limit / 2))
        #expect(pair.ids.count == min(limit, pair.border + second.count - 1))
        #expect(pair.ids.first == 101 && pair.ids.last == 102)
        #expect(pair.ids[pair.border - 1] == 102)
    }
}
