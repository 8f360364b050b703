internal import Logging
internal import SluiceCore
internal import SluiceDocuments
package import SluiceQueue

/// `index.verify`: asks live versions questions drawn from themselves and compares with exact search.
///
/// HNSW graphs lose recall as chunks come and go. What was found is stored as a run of the gates and an event of the index; a version
/// below its threshold is warned of. The task itself completes: trying again would find the same.
package struct VerifyIndex: Sendable {
    private let check: any DriftCheck

    init(check: any DriftCheck) { self.check = check }

    package func perform(_ input: VerifyIndexInput, _ context: AttemptContext) async throws -> AttemptOutcome {
        var index: IndexName?
        if let name = input.index {
            guard let named = IndexName(rawValue: name) else {
                return .dead(TaskFailure(errorClass: "payload.invalid", message: "the index's name is none"))
            }
            index = named
        }
        let found = try await check.drift(of: index)
        if found.isEmpty, let index {
            return .dead(
                TaskFailure(errorClass: "index.unknown", message: "there is no index '\(index)' with a live version")
            )
        }
        for drift in found {
            let recall = drift.gates.first { $0.name == .recall }
            let metadata: Logger.Metadata = [
                "index": "\(drift.index)", "version": "\(drift.number)", "run": "\(drift.run)",
                "verdict": "\(drift.verdict.rawValue)", "recall": "\(recall?.measured.map { "\($0)" } ?? "?")",
            ]
            if drift.verdict.passes {
                context.logger.info("index verified", metadata: metadata)
                continue
            }
            // Names and numbers only: the gates' notes name tenants, and are kept where an erasure finds them.
            let reasons = drift.gates.filter { $0.outcome == .failed || $0.outcome == .inconclusive }
                .map { gate in
                    let measured = gate.measured.map { "\($0)" } ?? "not measured"
                    return "\(gate.name.rawValue) \(gate.outcome.rawValue): \(measured)"
                        + (gate.threshold.map { ", wanted \($0)" } ?? "")
                }
            context.logger.warning(
                "the index answers worse than it should; rebuild it, or look at workerctl gates ls",
                metadata: metadata.merging(["why": "\(reasons.joined(separator: "; "))"]) { first, _ in first }
            )
        }
        return .completed
    }
}
