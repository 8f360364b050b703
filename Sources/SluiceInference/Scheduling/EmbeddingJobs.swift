/// All embedding calls that are under way: which texts wait, which lanes sleep, and what is known so far. No I/O.
struct EmbeddingJobs {
    typealias Outcome = Result<[Float], InferenceError>
    typealias Finish = @Sendable (Outcome) -> Void

    /// A batch with its texts' token ids.
    struct Work {
        var batch: BatchScheduler.Batch
        var texts: [ArraySlice<Int32>]
    }

    private struct Job {
        var tokens: TokenizedTexts
        var values: [Float]
        var missing: Int
        var nonFinite: [Int] = []
        var finish: Finish
    }

    private var scheduler: BatchScheduler
    private var jobs: [Int: Job] = [:]
    private var cancelled: Set<Int> = []
    private var sleeping: [Int]
    private var lastJob = 0
    private let dimension: Int

    init(scheduler: BatchScheduler, lanes: Int, dimension: Int) {
        self.scheduler = scheduler
        self.sleeping = Array((0..<lanes).reversed())
        self.dimension = dimension
    }

    mutating func nextJob() -> Int {
        lastJob += 1
        return lastJob
    }

    /// Adds a job, unless it was cancelled before it came; returns the lanes to wake.
    ///
    /// `finish` is called once: by who gets it from `deliver` or `cancel`, or here.
    mutating func add(_ id: Int, _ tokens: TokenizedTexts, finish: @escaping Finish) -> [Int] {
        if cancelled.remove(id) != nil {
            finish(.failure(.cancelled))
            return []
        }
        let count = tokens.ranges.count
        jobs[id] = Job(
            tokens: tokens,
            values: [Float](repeating: 0, count: count * dimension),
            missing: count,
            finish: finish
        )
        scheduler.add(id, lengths: tokens.lengths)
        defer { sleeping.removeAll() }
        return sleeping
    }

    /// Takes the job out; nil when it has ended, or is yet to come.
    mutating func cancel(_ id: Int) -> Finish? {
        scheduler.remove(id)
        guard let job = jobs.removeValue(forKey: id) else {
            cancelled.insert(id)
            return nil
        }
        return job.finish
    }

    /// Ends the bookkeeping of a job whose caller has its outcome: a cancellation can come between the two.
    mutating func forget(_ id: Int) { cancelled.remove(id) }

    /// The next batch for a lane; nil puts the lane to sleep.
    mutating func take(lane: Int) -> Work? {
        guard let batch = scheduler.next() else {
            sleeping.append(lane)
            return nil
        }
        let texts = batch.members.map { member in
            jobs[member.job].map { $0.tokens.ids[$0.tokens.ranges[member.index]] } ?? []
        }
        return Work(batch: batch, texts: texts)
    }

    /// Files a batch's vectors, or its failure; returns what to call, outside the lock, for the jobs that have ended.
    mutating func deliver(_ batch: BatchScheduler.Batch, _ result: Outcome) -> [@Sendable () -> Void] {
        var ended: [@Sendable () -> Void] = []
        switch result {
        case .failure(let error):
            for id in Set(batch.members.map(\.job)) {
                guard let job = jobs.removeValue(forKey: id) else { continue }
                scheduler.remove(id)
                ended.append { job.finish(.failure(error)) }
            }
        case .success(let vectors):
            for (row, member) in batch.members.enumerated() {
                let vector = vectors[row * dimension..<(row + 1) * dimension]
                if let finish = file(vector, member) { ended.append(finish) }
            }
        }
        return ended
    }

    private mutating func file(
        _ vector: ArraySlice<Float>,
        _ member: BatchScheduler.Member
    ) -> (@Sendable () -> Void)? {
        // Without a job: it was cancelled while the batch ran.
        guard let index = jobs.index(forKey: member.job) else { return nil }
        let start = member.index * dimension
        jobs.values[index].values.replaceSubrange(start..<start + dimension, with: vector)
        if vector.contains(where: \.isNaN) { jobs.values[index].nonFinite.append(member.index) }
        jobs.values[index].missing -= 1
        guard jobs.values[index].missing == 0 else { return nil }
        let job = jobs.remove(at: index).value
        let outcome: Outcome =
            job.nonFinite.isEmpty ? .success(job.values) : .failure(.nonFinite(indices: job.nonFinite.sorted()))
        return { job.finish(outcome) }
    }
}
