import SluiceDocuments
import Testing

@Suite("Canaries")
struct CanaryTests {
    private func counts(_ searches: Int, errors: Int = 0, empty: Int = 0, milliseconds: Double = 5) -> CanaryCounts {
        var counts = CanaryCounts()
        for place in 0..<searches {
            if place < errors {
                counts.addError()
            } else {
                counts.add(milliseconds: milliseconds, isEmpty: place < errors + empty)
            }
        }
        return counts
    }

    private func breach(_ canary: CanaryCounts, live: CanaryCounts) -> String? {
        CanaryJudge.breach(canary, live: live, limit: 250)
    }

    @Test("texts fall evenly among a hundred places, and always to the same")
    func places() {
        var seen = [Int](repeating: 0, count: 100)
        for number in 0..<20_000 { seen[CanaryShare.place(of: "tenant-\(number)")] += 1 }
        #expect(seen.allSatisfy { (130...280).contains($0) }, "\(seen)")
        #expect(CanaryShare.place(of: "acme") == CanaryShare.place(of: "acme"))
        #expect((0..<100).contains(CanaryShare.place(of: "")))
    }

    @Test("waits come back as the place that holds 95 of a hundred")
    func waits() {
        #expect(CanaryCounts().p95 == nil)
        for milliseconds in [0.1, 1, 5, 42, 900, 20_000] {
            let p95 = counts(100, milliseconds: milliseconds).p95 ?? 0
            #expect(p95 >= milliseconds && p95 <= max(1.31, milliseconds * 1.31), "\(milliseconds): \(p95)")
        }
        #expect(counts(10, milliseconds: .infinity).waits.last == 10)
        #expect(counts(10, milliseconds: .nan).waits.first == 10)
    }

    @Test("failures, empty answers and long waits end it, each against the live version, and chance does not")
    func breaches() {
        let live = counts(1_000)
        #expect(breach(counts(49, errors: 49), live: live) == nil, "too few to tell")
        #expect(breach(counts(200), live: live) == nil)
        #expect(breach(counts(50, errors: 1), live: live) == nil, "one may be chance")
        #expect(breach(counts(200, errors: 20), live: live)?.contains("20 of 200 searches failed") == true)
        #expect(
            breach(counts(200, errors: 20), live: counts(1_000, errors: 100)) == nil,
            "so does the live one"
        )
        #expect(breach(counts(200, empty: 60), live: live)?.contains("empty") == true)
        #expect(breach(counts(200, empty: 60), live: counts(1_000, empty: 300)) == nil)
        #expect(breach(counts(200, milliseconds: 50), live: live)?.contains("p95") == true)
        #expect(breach(counts(200, milliseconds: 15), live: live) == nil)
        // With too little to compare with, the gates' threshold is the measure.
        #expect(breach(counts(200, milliseconds: 390), live: counts(10)) == nil)
        #expect(breach(counts(200, milliseconds: 700), live: counts(10))?.contains("250") == true)
        #expect(breach(counts(200, milliseconds: 700), live: CanaryCounts())?.contains("p95") == true)
    }
}
