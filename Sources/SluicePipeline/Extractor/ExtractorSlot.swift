internal import SluiceCore
internal import SluiceSystem
internal import Synchronization

/// One child at a time and the thread that talks to it: keeps it warm, replaces it, and says how documents ended.
actor ExtractorSlot {
    private let thread: PinnedThread
    private let configuration: ExtractorConfiguration
    private var child: ExtractorChild?
    /// Beside the actor, because metrics must not wait for a document to be read.
    private let tally = Mutex(ExtractorStatistics())

    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    init(_ configuration: ExtractorConfiguration, number: Int) {
        self.configuration = configuration
        thread = PinnedThread(name: "extractor-\(number)")
    }

    nonisolated var statistics: ExtractorStatistics { tally.withLock { $0 } }

    /// What the child of this slot says of itself, starting one where needed. Blocks the slot's thread.
    func greeting() throws(ExtractorError) -> ExtractorGreeting {
        try prepareChild()
        guard let greeting = child?.greeting else { throw .cannotStart(reason: "no child") }
        return greeting
    }

    /// Ends the child, if any.
    func discardChild() {
        child?.process.killGroup()
        child = nil
    }

    /// Ends the child and, after what is enqueued, the thread.
    func stop() {
        discardChild()
        thread.stop()
    }

    /// Has one document read, and classifies how that ended. Blocks the slot's thread.
    func extract(_ call: ExtractorCall) throws(ExtractorError) -> ExtractionReply {
        guard !call.isCancelled else { throw .cancelled }
        tally.withLock { $0.documentsInProgress += 1 }
        defer { tally.withLock { $0.documentsInProgress -= 1 } }
        let file = try call.source.open()
        if let refusal = try refusal(of: file, for: call) { return counted(refusal) }
        // Passwords go only to a child that needs one: a hostile document must not find them in its reader's memory.
        var reply = try extract(file, for: call, passwords: [])
        if reply.outcome == .encrypted, !call.passwords.isEmpty {
            reply = try extract(file, for: call, passwords: call.passwords)
        }
        return counted(reply)
    }

    private func counted(_ reply: ExtractionReply) -> ExtractionReply {
        tally.withLock { $0.documents += 1 }
        return reply
    }

    private func refusal(
        of file: OwnedDescriptor,
        for call: ExtractorCall
    ) throws(ExtractorError) -> ExtractionReply? {
        let size: Int?
        do throws(SystemCallError) {
            size = try file.regularFileSize()
        } catch {
            throw .fileUnavailable(path: call.source.name, reason: error.description)
        }
        guard let size else { return ExtractionReply(outcome: .unsupported, detail: "this is not a regular file") }
        guard size <= call.limits.maxBytes else {
            let detail = "the file has \(size) bytes; the limit is \(call.limits.maxBytes)"
            return ExtractionReply(outcome: .tooLarge, detail: detail)
        }
        return nil
    }

    private func extract(
        _ file: OwnedDescriptor,
        for call: ExtractorCall,
        passwords: [String]
    ) throws(ExtractorError) -> ExtractionReply {
        let request = ExtractionRequest(limits: call.limits, mediaTypeHint: call.mediaTypeHint, passwords: passwords)
        while true {
            try prepareChild()
            let isFresh = child?.documents == 0
            let ending = try converse(request, about: file, for: call)
            if case .reply(let reply) = ending { return reply }
            discardChild()
            tally.withLock { if ending.isTimeout { $0.childrenTimedOut += 1 } else { $0.childrenCrashed += 1 } }
            // A crash may be the late work of an earlier document, so the verdict is left to a child that has read
            // none.
            if isFresh || ending.isTimeout { return Self.reply(for: ending, within: call.limits) }
        }
    }

    private func converse(
        _ request: ExtractionRequest,
        about file: OwnedDescriptor,
        for call: ExtractorCall
    ) throws(ExtractorError) -> ExtractorChild.Ending {
        guard let process = child?.process else { throw .cannotStart(reason: "no child") }
        do throws(ExtractorError) {
            return try call.occupying(process) {
                child?.read(request, from: file) ?? .broke(WireViolation("no child"))
            }
        } catch {
            discardChild()
            throw error
        }
    }

    /// A usable child, warm or new.
    private func prepareChild() throws(ExtractorError) {
        if let isWorn = child?.isWorn(configuration), isWorn, child?.isUsable == true {
            tally.withLock { $0.childrenReplaced += 1 }
            discardChild()
        } else if child?.isUsable == false {
            discardChild()
        }
        guard child == nil else { return }
        child = try ExtractorChild.start(configuration)
        tally.withLock { $0.childrenStarted += 1 }
    }

    private static func reply(for ending: ExtractorChild.Ending, within limits: ExtractionLimits) -> ExtractionReply {
        switch ending {
        case .reply(let reply): return reply
        case .timedOut:
            let detail = "no answer within \(limits.wallClock.inSeconds) s; its reader was ended"
            return ExtractionReply(outcome: .timeout, detail: detail)
        case .ended(.signalled(ExtractorChild.cpuSignal)):
            let detail = "its reader used more than \(limits.cpuSeconds) s of CPU time"
            return ExtractionReply(outcome: .timeout, detail: detail)
        case .ended(.signalled(let signal)):
            let detail = "its reader ended by signal \(signal) (\(ExtractorChild.meaning(of: signal)))"
            return ExtractionReply(outcome: .crashed(signal: signal), detail: detail)
        case .ended(.exited(let code)):
            let detail = "its reader ended with code \(code) and no answer"
            return ExtractionReply(outcome: .crashed(signal: 0), detail: detail)
        case .broke(let violation):
            return ExtractionReply(outcome: .crashed(signal: 0), detail: violation.description)
        }
    }
}
