/// Holds a history against the promise. A pure value: the same rows give the same verdict.
package struct HistoryChecker: Sendable {
    /// Handlers that may run at once, by scope, as `History.Span` names it.
    package var caps: [String: Int]

    package init(caps: [String: Int] = [:]) { self.caps = caps }

    /// - Returns: nothing when every promise was kept. The history must be of a quiet queue: what is not ended is lost.
    package func violations(of history: History) -> [Violation] {
        var found = endings(history)
        found += effects(history)
        found += batches(history)
        found += keys(history)
        found += exceeded(history)
        found += history.hints.subtracting(history.live).sorted().map { Violation(.hintOfNothing, "task \($0)") }
        return found
    }

    /// Every committed enqueue ends, once, under the greatest of its tokens.
    private func endings(_ history: History) -> [Violation] {
        var found: [Violation] = []
        let ended = Dictionary(grouping: history.ended, by: \.task)
        var greatest: [Int64: Int64] = [:]
        for claim in history.claims { greatest[claim.task] = max(greatest[claim.task] ?? 0, claim.token) }
        for task in history.enqueued where ended[task.task] == nil {
            found.append(Violation(.lost, "task \(task.task)"))
        }
        for (task, rows) in ended.sorted(by: { $0.key < $1.key }) {
            if rows.count > 1 { found.append(Violation(.endedTwice, "task \(task)")) }
            if history.live.contains(task) { found.append(Violation(.endedAndLive, "task \(task)")) }
            for row in rows where row.ending == .completed {
                if let token = row.token, token >= greatest[task] ?? 0 { continue }
                found.append(Violation(.oldTokenAccepted, "task \(task)"))
            }
        }
        return found
    }

    /// Effects exist for completed tasks alone, each step once, under the accepted token.
    private func effects(_ history: History) -> [Violation] {
        var found: [Violation] = []
        let logged = Dictionary(grouping: history.effects, by: \.task)
        var accepted: [Int64: Int64] = [:]
        for row in history.ended where row.ending == .completed { accepted[row.task] = row.token ?? 0 }
        for (task, rows) in logged.sorted(by: { $0.key < $1.key }) {
            guard let token = accepted[task] else {
                found.append(Violation(.effectWithoutCompletion, "task \(task)"))
                continue
            }
            if Set(rows.map(\.step)).count < rows.count { found.append(Violation(.effectDoubled, "task \(task)")) }
            if rows.contains(where: { $0.token != token }) {
                found.append(Violation(.effectOfOldToken, "task \(task)"))
            }
        }
        for task in history.enqueued where accepted[task.task] != nil && task.steps > 0 {
            let steps = Set((logged[task.task] ?? []).map(\.step))
            if !steps.isSuperset(of: 1...task.steps) { found.append(Violation(.effectMissing, "task \(task.task)")) }
        }
        return found
    }

    /// A batch's counters are the counts of its children.
    private func batches(_ history: History) -> [Violation] {
        var expected: [Int64: History.Batch] = [:]
        let endings = Dictionary(history.ended.map { ($0.task, $0.ending) }) { first, _ in first }
        for task in history.enqueued {
            guard let id = task.batch else { continue }
            var batch = expected[id] ?? History.Batch(id: id)
            batch.total += 1
            switch endings[task.task] {
            case .completed: batch.completed += 1
            case .cancelled: batch.cancelled += 1
            case .dead: batch.dead += 1
            case nil: batch.pending += 1
            }
            expected[id] = batch
        }
        return history.batches.compactMap { batch in
            var right = expected[batch.id] ?? History.Batch(id: batch.id)
            right.isFinished = right.total == 0 ? batch.isFinished : right.pending == 0 && right.dead == 0
            return right == batch ? nil : Violation(.batchMiscounted, "batch \(batch.id)")
        }
    }

    /// A key's next bearer was stored only after the one before had ended.
    ///
    /// What is compared is certain: an end is dated by the start of its transaction, so before it happened, and a beginning
    /// by a clock read after the insert.
    private func keys(_ history: History) -> [Violation] {
        let ends = Dictionary(history.ended.map { ($0.task, $0.at) }) { max($0, $1) }
        let bearers = Dictionary(grouping: history.enqueued.filter { $0.key != nil }) { $0.key ?? "" }
        return bearers.sorted { $0.key < $1.key }.compactMap { key, tasks in
            let ordered = tasks.sorted { $0.at < $1.at }
            let isOverlapping = zip(ordered, ordered.dropFirst()).contains { (ends[$0.task] ?? .max) > $1.at }
            return isOverlapping ? Violation(.keyTwiceLive, "key \(key)") : nil
        }
    }

    private func exceeded(_ history: History) -> [Violation] {
        caps.sorted { $0.key < $1.key }.compactMap { scope, cap in
            let spans = history.spans.filter { $0.scopes.contains(scope) }
            let most = Self.mostAtOnce(spans)
            return most > cap ? Violation(.capExceeded, "\(scope): \(most) of \(cap)") : nil
        }
    }

    /// How many half-open spans share a point in time.
    static func mostAtOnce(_ spans: [History.Span]) -> Int {
        let changes = spans.flatMap { [($0.from, 1), ($0.to, -1)] }.sorted { ($0.0, $0.1) < ($1.0, $1.1) }
        var now = 0
        var most = 0
        for (_, change) in changes {
            now += change
            most = max(most, now)
        }
        return most
    }
}
