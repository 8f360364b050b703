internal import SluiceCore
internal import SluiceService
internal import SluiceStore

/// What a task costs with so many queued behind it.
struct DepthBench {
    struct Point: Encodable {
        let queued: Int
        let microseconds_per_task: Double
        let tasks_per_s: Double
    }

    struct Result: Encodable {
        let tasks_per_point: Int
        let points: [Point]
        /// The dearest point over the cheapest.
        let spread: Double
    }

    let settings: Settings
    let depths: [Int]
    let tasks: Int
    let concurrency: Int

    func run() async throws -> Result {
        var points: [Point] = []
        var queued = 0
        for depth in depths.sorted() {
            // A fleet of its own for each depth: none of them is warmer than another.
            let fleet = try NoopFleet(settings, concurrency: concurrency)
            defer { fleet.store.close() }
            let warmUp = tasks / 5
            let wanted = depth + warmUp + tasks
            if wanted > queued { try await fleet.enqueue(wanted - queued) }
            queued = max(queued, wanted)
            let started = try await fleet.run { () -> (seconds: Double, seen: Int) in
                try await fleet.seen.wait(for: warmUp)
                let from = (count: fleet.seen.count, at: ContinuousClock.now)
                try await fleet.seen.wait(for: from.count + tasks)
                let seconds = from.at.elapsed.inSeconds
                return (seconds / Double(fleet.seen.count - from.count), fleet.seen.count)
            }
            // Draining has finished what was claimed; what is left is counted by the database.
            queued -= fleet.seen.count
            points.append(
                Point(
                    queued: depth,
                    microseconds_per_task: (started.seconds * 1_000_000 * 10).rounded() / 10,
                    tasks_per_s: (1 / started.seconds).rounded()
                )
            )
        }
        let costs = points.map(\.microseconds_per_task)
        return Result(
            tasks_per_point: tasks,
            points: points,
            spread: ((costs.max() ?? .nan) / (costs.min() ?? .nan) * 100).rounded() / 100
        )
    }
}
