import SluiceStore
import SluiceTestKit
import Testing

@Suite("The order of an erasure")
struct ErasureOrderTests {
    @Test("what refers to others goes first, whatever the order of the tables")
    func children() {
        let references = [
            (from: "chunks", to: "documents"), ("vectors", "chunks"), ("documents", "tenants"), ("batches", "batches"),
            ("asked", "batches"), ("asked", "documents"), ("elsewhere", "documents"),
        ]
        let tables = ["batches", "chunks", "documents", "asked", "vectors"]
        #expect(
            ErasureOrder.of(tables, references: references) == ["asked", "batches", "vectors", "chunks", "documents"]
        )
    }

    @Test("a circle is cut at the first name")
    func circle() {
        #expect(ErasureOrder.of(["b", "a"], references: [(from: "a", to: "b"), ("b", "a")]) == ["a", "b"])
    }

    @Test("in random graphs without circles no table comes before one that refers to it; each comes once")
    func random() {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<300 {
            let count = Int.random(in: 1...12, using: &generator)
            // References lead to smaller numbers only; names hide the numbers.
            let names = (0..<count).map { "t\($0)" }.shuffled(using: &generator)
            var references: [(from: String, to: String)] = []
            for from in 0..<count {
                for to in 0..<from where Int.random(in: 0..<4, using: &generator) == 0 {
                    references.append((names[from], names[to]))
                }
            }
            let order = ErasureOrder.of(names.shuffled(using: &generator), references: references)
            #expect(order.sorted() == names.sorted())
            let places = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($1, $0) })
            #expect(references.allSatisfy { places[$0.from, default: 0] < places[$0.to, default: 0] })
        }
    }
}
