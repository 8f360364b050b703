internal import SluiceCore

/// How far an ingest is.
struct IngestProgress: Equatable, Sendable {
    var documents = 0
    var documentsDone = 0
    var pages = 0
    var chunks = 0
    /// Chunks whose vectors are there, embedded or from the cache.
    var embedded = 0
    var dead = 0
}

/// The live line of `ingest --wait`: a bar, documents, pages, chunks, chunks a second and the time left.
struct ProgressLine {
    private let start = ContinuousClock.now
    /// Recent samples, so that rate and time left follow the last seconds rather than the whole run.
    private var samples: [(at: Instant, embedded: Int)] = []

    mutating func render(_ progress: IngestProgress, width: Int) -> String {
        let now = ContinuousClock.now
        samples.append((now, progress.embedded))
        while let first = samples.first, now - first.at > .seconds(10), samples.count > 2 { samples.removeFirst() }
        var rate = 0.0
        if let first = samples.first, now > first.at {
            rate = Double(progress.embedded - first.embedded) / (now - first.at).inSeconds
        }
        let text =
            " \(progress.documentsDone)/\(progress.documents) documents  \(Format.count(progress.pages)) pages  "
            + "\(Format.count(progress.embedded))/\(Format.count(progress.chunks)) chunks  "
            + "\(Format.decimal(rate, 1))/s  \(remaining(progress, rate: rate))"
            + (progress.dead > 0 ? "  \(progress.dead) dead" : "")
        let bar = width - text.count - 3
        let fraction = Self.fraction(progress)
        guard bar >= 8 else { return String(text.dropFirst().prefix(max(0, width - 1))) }
        let filled = Int((Double(min(bar, 40)) * fraction).rounded())
        return "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: min(bar, 40) - filled) + "]"
            + text
    }

    /// Documents that are read tell how many chunks there are; those still unread count as the average read so far.
    static func fraction(_ progress: IngestProgress) -> Double {
        guard progress.documents > 0 else { return 0 }
        let documents = Double(progress.documentsDone) / Double(progress.documents)
        guard progress.chunks > 0 else { return documents }
        let chunks = Double(progress.embedded) / Double(progress.chunks)
        return min(1, max(0, progress.documentsDone == progress.documents ? 1 : 0.5 * documents + 0.5 * chunks))
    }

    private func remaining(_ progress: IngestProgress, rate: Double) -> String {
        let left = progress.chunks - progress.embedded
        if progress.documentsDone == progress.documents { return "\(Format.seconds(start.elapsed.inSeconds)) in all" }
        guard rate > 0, left > 0 else { return "ETA ?" }
        return "ETA \(Format.seconds(Double(left) / rate))"
    }
}
