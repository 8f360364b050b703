internal import SluiceCore
internal import SluicePipeline
internal import SluiceSystem

/// Pages per second through the confined extractor, over a list of files.
struct ExtractBench {
    struct Report: Codable {
        var files: Int
        /// Pages of documents that gave text.
        var pages: Int
        /// Of the median run.
        var pages_per_s: Double
        /// Size of all files.
        var bytes: Int
        /// Unicode scalars of text found.
        var characters: Int
        /// How many documents ended how, by outcome.
        var outcomes: [String: Int]
    }

    var files: [String]
    var children = 1
    var runs = 5

    /// Reads all files once to warm up and then `runs` times; every child is warm, as in a worker.
    func run() async throws -> Report {
        let pool = ExtractorPool(ExtractorConfiguration(children: children))
        var report = try await pass(pool).report
        var speeds: [Double] = []
        for _ in 0..<max(1, runs) {
            let (measured, duration) = try await pass(pool)
            speeds.append(Double(measured.pages) / duration.inSeconds)
            report = measured
        }
        await pool.shutdown()
        report.pages_per_s = speeds.sorted()[speeds.count / 2]
        return report
    }

    private func pass(_ pool: ExtractorPool) async throws -> (report: Report, duration: Duration) {
        let bytes = try files.reduce(0) { try $0 + (OwnedDescriptor.open(reading: $1).regularFileSize() ?? 0) }
        let start = ContinuousClock.now
        var report = Report(files: files.count, pages: 0, pages_per_s: 0, bytes: bytes, characters: 0, outcomes: [:])
        try await withThrowingTaskGroup(of: ExtractionReply.self) { group in
            var rest = files[...]
            for file in rest.prefix(children) { group.addTask { try await pool.extract(path: file, limits: .init()) } }
            rest = rest.dropFirst(children)
            while let reply = try await group.next() {
                report.outcomes[reply.outcome.name, default: 0] += 1
                report.pages += reply.text?.metadata.pageCount ?? 0
                report.characters += reply.text?.text.unicodeScalars.count ?? 0
                if let file = rest.popFirst() {
                    group.addTask { try await pool.extract(path: file, limits: .init()) }
                }
            }
        }
        return (report, start.elapsed)
    }
}
