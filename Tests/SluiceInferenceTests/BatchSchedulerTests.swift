import SluiceInference
import Testing

@Suite("Batches")
struct BatchSchedulerTests {
    private typealias Member = BatchScheduler.Member

    private func drain(_ scheduler: inout BatchScheduler) -> [BatchScheduler.Batch] {
        var batches: [BatchScheduler.Batch] = []
        while let batch = scheduler.next() { batches.append(batch) }
        return batches
    }

    @Test("longest first, texts of like length together, within the budget")
    func order() {
        var scheduler = BatchScheduler(tokenBudget: 100, maxRows: 4)
        scheduler.add(1, lengths: [10, 50, 30, 200, 9, 8, 49, 11])
        let batches = drain(&scheduler)
        #expect(batches.map(\.width) == [200, 50, 30, 9])
        #expect(batches.map { $0.members.map(\.index) } == [[3], [1, 6], [2, 7, 0], [4, 5]])
        #expect(scheduler.isEmpty)
    }

    @Test("callers take turns, a batch each")
    func turns() {
        var scheduler = BatchScheduler(tokenBudget: 100, maxRows: 2)
        scheduler.add(1, lengths: [50, 50, 50, 50, 50, 50])
        scheduler.add(2, lengths: [50, 50, 50])
        scheduler.add(3, lengths: [5])
        let batches = drain(&scheduler)
        #expect(batches.map { $0.members[0].job } == [1, 2, 3, 1, 2, 1])
        // The second's last text leaves room, which goes to the first; nobody waits longer for it.
        #expect(batches[4].members == [Member(job: 2, index: 2), Member(job: 1, index: 4)])
        #expect(batches[5].members == [Member(job: 1, index: 5)])
    }

    @Test("small calls share a batch when their texts are alike")
    func merging() {
        var scheduler = BatchScheduler(tokenBudget: 1_000, maxRows: 8)
        for job in 1...5 { scheduler.add(job, lengths: [20 + job]) }
        scheduler.add(6, lengths: [500])
        scheduler.add(7, lengths: [2])
        let batches = drain(&scheduler)
        // The first batch is 21 wide and takes in nothing wider; what is far shorter goes alone.
        #expect(batches.map { $0.members.map(\.job) } == [[1], [2], [3], [4], [5], [6], [7]])
        for job in [5, 4, 3, 2, 1] { scheduler.add(job, lengths: [20 + job]) }
        #expect(drain(&scheduler).map { $0.members.map(\.job) } == [[5, 4, 3, 2, 1]])
    }

    @Test("a job that is dropped is never seen again")
    func removal() {
        var scheduler = BatchScheduler(tokenBudget: 100, maxRows: 2)
        scheduler.add(1, lengths: [50, 50, 50, 50])
        scheduler.add(2, lengths: [50])
        #expect(scheduler.next()?.members.map(\.job) == [1, 1])
        scheduler.remove(1)
        #expect(drain(&scheduler).map { $0.members.map(\.job) } == [[2]])
    }

    @Test("every text is in exactly one batch, whatever comes", arguments: 0..<50)
    func properties(seed: Int) {
        var generator = SystemRandomNumberGenerator()
        let budget = Int.random(in: 1...600, using: &generator)
        let rows = Int.random(in: 1...20, using: &generator)
        var scheduler = BatchScheduler(tokenBudget: budget, maxRows: rows)
        var lengths: [Int: [Int]] = [:]
        var seen: Set<BatchScheduler.Member> = []
        var job = 0
        for _ in 0..<200 {
            if Int.random(in: 0..<3, using: &generator) == 0 {
                job += 1
                let own = (0..<Int.random(in: 1...30, using: &generator)).map { _ in
                    Int.random(in: 2...256, using: &generator)
                }
                lengths[job] = own
                scheduler.add(job, lengths: own)
            } else if let batch = scheduler.next() {
                #expect(batch.members.count == 1 || batch.members.count * batch.width <= budget)
                #expect(batch.members.count <= rows)
                #expect(batch.members.map { lengths[$0.job]?[$0.index] ?? 0 }.max() == batch.width)
                for member in batch.members { #expect(seen.insert(member).inserted) }
            }
        }
        for batch in drain(&scheduler) { for member in batch.members { #expect(seen.insert(member).inserted) } }
        #expect(seen.count == lengths.values.reduce(0) { $0 + $1.count })
    }
}
