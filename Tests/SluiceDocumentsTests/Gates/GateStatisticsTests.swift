import SluiceDocuments
import Testing

@Suite("The statistics of gates")
struct GateStatisticsTests {
    @Test("Wilson's interval as published")
    func wilson() {
        // Newcombe 1998, table I: 81 of 263 and 0 of 20, two-sided 95 %.
        let first = GateStatistics.wilson(81.0 / 263, trials: 263, z: 1.959964)
        #expect(abs(first.lowerBound - 0.2553) < 1e-4 && abs(first.upperBound - 0.3662) < 1e-4)
        let second = GateStatistics.wilson(0, trials: 20, z: 1.959964)
        #expect(abs(second.lowerBound) < 1e-9 && abs(second.upperBound - 0.1611) < 1e-4)
        #expect(GateStatistics.wilson(0.5, trials: 0) == 0...1)
        #expect(GateStatistics.wilson(shares: [], perQuestion: 10) == 0...1)
    }

    @Test("the interval holds the mean, and is wider where misses go together")
    func clustered() {
        var random = SampleGenerator(seed: 1)
        for _ in 0..<200 {
            let shares = (0..<Int.random(in: 2...300, using: &random)).map { _ in
                Double(Int.random(in: 0...10, using: &random)) / 10
            }
            let bounds = GateStatistics.wilson(shares: shares, perQuestion: 10)
            #expect(bounds.contains(GateStatistics.mean(shares)))
        }
        let even = GateStatistics.wilson(
            shares: Array(repeating: [0.9, 1], count: 100).flatMap { $0 },
            perQuestion: 10
        )
        let uneven = GateStatistics.wilson(shares: (0..<200).map { $0 % 20 == 0 ? 0 : 1 }, perQuestion: 10)
        #expect(uneven.lowerBound < even.lowerBound)
    }

    @Test("quantiles by nearest rank")
    func quantiles() {
        let values = (1...100).map(Double.init).shuffled()
        #expect(GateStatistics.quantile(values, 0.95) == 95)
        #expect(GateStatistics.quantile(values, 0) == 1 && GateStatistics.quantile(values, 1) == 100)
        #expect(GateStatistics.quantile([7], 0.5) == 7 && GateStatistics.quantile([], 0.5) == nil)
    }

    @Test("questions are divided by size; nobody is forgotten while there are enough")
    func shares() {
        #expect(GateStatistics.shares(of: 10, among: [90, 10]) == [8, 2])
        #expect(GateStatistics.shares(of: 2, among: [5, 0, 100, 7]) == [0, 0, 1, 1])
        #expect(GateStatistics.shares(of: 5, among: []).isEmpty)
        #expect(GateStatistics.shares(of: 5, among: [0, 0]) == [0, 0])
        var random = SampleGenerator(seed: 9)
        for _ in 0..<500 {
            let sizes = (0..<Int.random(in: 1...40, using: &random)).map { _ in
                Bool.random(using: &random)
                    ? Int.random(in: 0...5, using: &random) : Int.random(in: 0...9_999, using: &random)
            }
            let count = Int.random(in: 0...300, using: &random)
            let shares = GateStatistics.shares(of: count, among: sizes)
            #expect(shares.reduce(0, +) == (sizes.contains { $0 > 0 } ? count : 0), "\(count) of \(sizes)")
            #expect(zip(shares, sizes).allSatisfy { $1 > 0 || $0 == 0 })
            let tenants = sizes.count { $0 > 0 }
            if count >= tenants { #expect(zip(shares, sizes).allSatisfy { $1 == 0 || $0 > 0 }) }
        }
    }

    @Test("noise keeps a vector near and of unit length, the same for the same seed")
    func noise() {
        var vector = [Float](repeating: 0, count: 64)
        vector[3] = 1
        var first = SampleGenerator(seed: 5)
        var second = SampleGenerator(seed: 5)
        for _ in 0..<100 {
            let moved = first.near(vector, spread: 0.35)
            #expect(moved == second.near(vector, spread: 0.35))
            let length = moved.reduce(0) { $0 + $1 * $1 }
            #expect(abs(length - 1) < 1e-4 && moved[3] > 0.8 && moved[3] < 0.999)
        }
        #expect(first.near([0, 0], spread: 1) == [0, 0])
        #expect(first.near([], spread: 1).isEmpty)
    }

    @Test("sentences are picked whole, or what there is")
    func sentences() {
        var random = SampleGenerator(seed: 1)
        let text = "One two three four five six. Seven eight. Nine ten eleven twelve thirteen fourteen!"
        for _ in 0..<20 {
            let sentence = SentencePicker.sentence(of: text, using: &random)
            #expect(["One two three four five six", "Nine ten eleven twelve thirteen fourteen"].contains(sentence))
        }
        #expect(SentencePicker.sentence(of: "a b", using: &random) == nil)
        #expect(SentencePicker.sentence(of: "a b c", using: &random) == "a b c")
        #expect(SentencePicker.sentence(of: "", using: &random) == nil)
        // No blanks between words.
        let chinese = SentencePicker.sentence(of: "今天天气很好。我们一起去公园散步吧！", using: &random)
        #expect(chinese == "我们一起去公园散步吧")
        #expect(SentencePicker.sentence(of: String(repeating: "漢", count: 500), using: &random)?.count == 80)
    }
}
