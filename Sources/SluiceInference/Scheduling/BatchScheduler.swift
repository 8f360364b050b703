/// Decides what the model computes next: batches of texts of like length, fair between callers. Pure.
///
/// Every caller's texts are a job. Jobs take turns, a batch a turn, longest texts first; what room a batch has left is filled
/// with texts of other jobs that need no wider batch, so that many small calls do not make many small batches.
package struct BatchScheduler: Sendable {
    /// One text: whose it is, and its place in the job.
    package struct Member: Hashable, Sendable {
        package var job: Int
        package var index: Int

        package init(job: Int, index: Int) {
            self.job = job
            self.index = index
        }
    }

    package struct Batch: Hashable, Sendable {
        package var members: [Member]
        /// Tokens of its longest text.
        package var width: Int
    }

    /// The most tokens of a batch, padding included; one text always goes.
    package let tokenBudget: Int
    /// The most texts of a batch.
    package let maxRows: Int

    /// A job's texts that are in no batch yet, ascending by length.
    private struct Waiting: Sendable {
        var texts: [(length: Int, index: Int)]
    }

    private var jobs: [Int: Waiting] = [:]
    /// Whose turn it is: the first.
    private var turns: [Int] = []

    package init(tokenBudget: Int, maxRows: Int) {
        self.tokenBudget = tokenBudget
        self.maxRows = maxRows
    }

    package var isEmpty: Bool { turns.isEmpty }

    /// Adds a job, last in turn. `lengths` are tokens, and not none.
    package mutating func add(_ job: Int, lengths: [Int]) {
        let texts = lengths.indices.map { (length: lengths[$0], index: $0) }
        // The index breaks ties, so that one input always makes the same batches.
        jobs[job] = Waiting(texts: texts.sorted { ($0.length, $1.index) < ($1.length, $0.index) })
        turns.append(job)
    }

    /// Drops what of the job is in no batch yet.
    package mutating func remove(_ job: Int) {
        jobs[job] = nil
        turns.removeAll { $0 == job }
    }

    /// The next batch; nil when nothing waits.
    package mutating func next() -> Batch? {
        guard let job = turns.first, let width = jobs[job]?.texts.last?.length else { return nil }
        let rows = max(1, min(maxRows, tokenBudget / max(width, 1)))
        var members: [Member] = []
        take(from: job, rows, into: &members)
        turns.removeFirst()
        if jobs[job] != nil {
            turns.append(job)
        } else {
            for other in turns where members.count < rows { fill(from: other, width, rows, into: &members) }
            turns.removeAll { jobs[$0] == nil }
        }
        return Batch(members: members, width: width)
    }

    private mutating func take(from job: Int, _ rows: Int, into members: inout [Member]) {
        guard var waiting = jobs[job] else { return }
        let count = min(rows, waiting.texts.count)
        members += waiting.texts.suffix(count).reversed().map { Member(job: job, index: $0.index) }
        waiting.texts.removeLast(count)
        jobs[job] = waiting.texts.isEmpty ? nil : waiting
    }

    /// Texts that fit the width and fill at least three quarters of it: shorter ones are cheaper in a batch of their own.
    private mutating func fill(from job: Int, _ width: Int, _ rows: Int, into members: inout [Member]) {
        guard var waiting = jobs[job] else { return }
        let end = waiting.texts.firstIndex { $0.length > width } ?? waiting.texts.count
        let start = waiting.texts[..<end].firstIndex { $0.length * 4 >= width * 3 } ?? end
        let chosen = max(start, end - (rows - members.count))..<end
        members += waiting.texts[chosen].reversed().map { Member(job: job, index: $0.index) }
        waiting.texts.removeSubrange(chosen)
        jobs[job] = waiting.texts.isEmpty ? nil : waiting
    }
}
