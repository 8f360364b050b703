package import SluiceCore
internal import SluiceSystem

/// Warm, confined extractor processes that read untrusted documents for this worker.
///
/// A document can end, hang or corrupt only the process that reads it; the worker sees an ``ExtractionOutcome``. Each
/// child is
/// served by one thread of its own, so nothing here blocks the cooperative pool. Children start when first needed.
package final class ExtractorPool: Sendable {
    package let configuration: ExtractorConfiguration
    private let children: [ExtractorSlot]
    private let slots: ExtractorSlots

    package init(_ configuration: ExtractorConfiguration) {
        self.configuration = configuration
        children = (0..<configuration.children).map { ExtractorSlot(configuration, number: $0) }
        slots = ExtractorSlots(count: configuration.children)
    }

    /// Reads the document at `path`.
    ///
    /// Waits for a free child. Cancelling the task ends the child that works for it at once. A document whose child
    /// crashes is
    /// tried once more in a child that has read nothing else, so that it does not answer for an earlier document.
    ///
    /// - Parameter mediaTypeHint: what the source says it is; nil asks the path's ending. The content decides over it.
    /// - Parameter passwords: tried in order after the empty one, which is always tried.
    /// - Throws: only when the machinery fails; everything that is about the document is in the reply.
    package func extract(
        path: String,
        mediaTypeHint: String? = nil,
        passwords: [String] = [],
        limits: ExtractionLimits
    ) async throws(ExtractorError) -> ExtractionReply {
        let hint = mediaTypeHint ?? MediaType.hint(forPath: path)
        return try await extract(
            ExtractorCall(source: .path(path), mediaTypeHint: hint, passwords: passwords, limits: limits)
        )
    }

    /// Reads the document that is open as `descriptor`, like ``extract(path:mediaTypeHint:passwords:limits:)``.
    ///
    /// - Parameter descriptor: open for reading; stays the caller's. Its position is neither used nor changed.
    package func extract(
        descriptor: Int32,
        mediaTypeHint: String?,
        passwords: [String] = [],
        limits: ExtractionLimits
    ) async throws(ExtractorError) -> ExtractionReply {
        let copy: OwnedDescriptor
        do throws(SystemCallError) {
            copy = try OwnedDescriptor.duplicate(of: descriptor)
        } catch {
            throw .fileUnavailable(path: "(an open file)", reason: error.description)
        }
        return try await extract(
            ExtractorCall(source: .descriptor(copy), mediaTypeHint: mediaTypeHint, passwords: passwords, limits: limits)
        )
    }

    /// What reads, for the fingerprint of parsed documents: `sluice 1, poppler 22.12.0`. Starts a child where none is
    /// warm.
    package func reader() async throws(ExtractorError) -> String { try await greeting().reader }

    /// The confinement and readers of a child; starts one where none is warm.
    package func greeting() async throws(ExtractorError) -> ExtractorGreeting {
        try await withChild { (child) async throws(ExtractorError) in try await child.greeting() }
    }

    /// The sum over all children so far. Waits for nothing.
    package func statistics() -> ExtractorStatistics {
        var sum = ExtractorStatistics()
        for child in children {
            let part = child.statistics
            sum.documents += part.documents
            sum.documentsInProgress += part.documentsInProgress
            sum.childrenStarted += part.childrenStarted
            sum.childrenTimedOut += part.childrenTimedOut
            sum.childrenCrashed += part.childrenCrashed
            sum.childrenReplaced += part.childrenReplaced
        }
        return sum
    }

    /// Refuses new documents, waits for those being read, and ends all children and threads.
    package func shutdown() async {
        slots.close()
        for child in children { await child.stop() }
    }

    private func extract(_ call: ExtractorCall) async throws(ExtractorError) -> ExtractionReply {
        let result = await withTaskCancellationHandler {
            do throws(ExtractorError) {
                return Result<ExtractionReply, ExtractorError>.success(
                    try await withChild { (child) async throws(ExtractorError) in try await child.extract(call) }
                )
            } catch {
                return .failure(error)
            }
        } onCancel: {
            call.cancel()
        }
        return try result.get()
    }

    private func withChild<Value: Sendable>(
        _ use: (ExtractorSlot) async throws(ExtractorError) -> Value
    ) async throws(ExtractorError) -> Value {
        guard let slot = await slots.acquire() else { throw Task.isCancelled ? .cancelled : .closed }
        defer { slots.release(slot) }
        return try await use(children[slot])
    }
}
