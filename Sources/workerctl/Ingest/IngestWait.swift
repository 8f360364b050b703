internal import SluiceCore
internal import SluiceStore

/// Waits for an ingest with a live line, and reports how it ended.
struct IngestWait {
    let session: Session
    let batch: BatchID
    let tenant: TenantID
    let json: Bool

    /// What `ingest --wait --json` ends with.
    struct Report: Encodable {
        let batch: String
        let documents: [String: Int]
        let pages: Int
        let chunks: Int
        let embedded: Int
        let cached: Int
        let seconds: Double
    }

    func run(since started: Instant, limit: Duration?) async throws {
        var line = ProgressLine()
        var failures = 0
        let shows = Terminal.errorIsTerminal && !json
        while true {
            do {
                let state = try await session.documents.ingestState(batch, tenant: tenant)
                failures = 0
                if shows { Terminal.repaint(line.render(progress(state), width: Terminal.width())) }
                if state.isOver {
                    if shows { Terminal.say("") }
                    return try report(state, started)
                }
            } catch  where error.isTransientFailure && failures < 60 {
                // A restart of the server must not end the wait.
                failures += 1
            }
            if let limit, started.elapsed > limit {
                if shows { Terminal.say("") }
                throw CommandFailure(.partial, "not done within \(Int(limit.inSeconds)) s; batch \(batch) goes on")
            }
            try await Task.sleep(for: .milliseconds(started.elapsed < .seconds(2) ? 25 : 250))
        }
    }

    private func progress(_ state: IngestState) -> IngestProgress {
        IngestProgress(
            documents: state.documents,
            documentsDone: state.done,
            pages: state.pages,
            chunks: state.chunks,
            embedded: min(state.chunks, state.kept + state.cached + state.embedded),
            dead: state.dead
        )
    }

    private func report(_ state: IngestState, _ started: Instant) throws {
        let report = Report(
            batch: "\(batch)",
            documents: state.results,
            pages: state.pages,
            chunks: state.chunks,
            embedded: state.embedded,
            cached: state.cached + state.kept,
            seconds: (started.elapsed.inSeconds * 1_000).rounded() / 1_000
        )
        let bad = state.documents - (state.results["ok"] ?? 0) - (state.results["unchanged"] ?? 0)
        if json {
            try JSON.print(report)
        } else {
            let kinds = state.results.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
            if state.results == ["unchanged": state.documents] {
                Terminal.write("nothing changed: all \(Format.count(state.documents)) documents are as they were\n")
            } else {
                Terminal.write(
                    "batch \(batch): \(kinds.joined(separator: ", ")); \(Format.count(state.pages)) pages, "
                        + "\(Format.count(state.chunks)) chunks, \(Format.count(state.embedded)) embedded, "
                        + "\(Format.count(report.cached)) cached, in \(Format.seconds(report.seconds))\n"
                )
            }
        }
        if state.dead > 0 {
            throw CommandFailure(.failed, "batch \(batch) is blocked by \(state.dead) dead letters: workerctl dlq ls")
        }
        if bad > 0 {
            throw CommandFailure(.failed, "\(bad) documents gave no text: workerctl documents ls --state failed")
        }
    }
}
