internal import SluiceCore
internal import SluiceSystem

/// One running extractor process and the conversation with it. Used by one thread; killed and reaped when it goes.
struct ExtractorChild: ~Copyable {
    /// How a conversation about one document ended.
    enum Ending {
        case reply(ExtractionReply)
        case timedOut
        case broke(WireViolation)
        case ended(ChildExit)

        /// True when the document's time was up, by either clock: a second run would only cost it again.
        var isTimeout: Bool {
            switch self {
            case .timedOut, .ended(.signalled(ExtractorChild.cpuSignal)): true
            default: false
            }
        }
    }

    /// SIGXCPU: the soft limit of CPU time was reached.
    static let cpuSignal: Int32 = 24

    let process: ChildProcess
    let greeting: ExtractorGreeting
    private let channel: DescriptorChannel
    private let residentAtStart: Int
    private(set) var documents = 0
    /// A child that has seen passwords reads no other document afterwards.
    private(set) var knowsPasswords = false
    private var decoder = ExtractionFrameDecoder()

    /// Starts a process and waits for its greeting; blocks. Must be called on the thread that lives as long as the
    /// child
    /// does, because the child ends with it.
    static func start(_ configuration: ExtractorConfiguration) throws(ExtractorError) -> ExtractorChild {
        guard Environment.isReadableFile(configuration.executable) else {
            throw .executableMissing(path: configuration.executable)
        }
        var arguments = [
            "--serve", "--parent", String(Environment.processID()),
            "--address-space", String(configuration.addressSpaceCeiling),
        ]
        if configuration.honoursTestHooks { arguments.append("--test-hooks") }
        let (process, channel, errors): (ChildProcess, DescriptorChannel, OwnedDescriptor)
        do throws(SystemCallError) {
            let ends = try DescriptorChannel.pair()
            channel = ends.0
            errors = try OwnedDescriptor.inMemory(name: "extractor-errors")
            process = try ChildProcess.spawn(
                configuration.executable,
                arguments,
                environment: ["SWIFT_BACKTRACE": "enable=no"],
                input: ends.1.descriptor,
                errors: errors
            )
        } catch {
            throw .cannotStart(reason: error.description)
        }
        var decoder = ExtractionFrameDecoder()
        let greeting: ExtractorGreeting
        switch receiveGreeting(from: channel, into: &decoder, until: ContinuousClock.now + configuration.startTimeout) {
        case .success(let received): greeting = received
        case .failure(let problem):
            // A child that is about to end by itself gets the time to say why.
            let exit = process.waitForExit(until: ContinuousClock.now + .milliseconds(500))
            process.killGroup()
            let said = errors.beginning(limit: 300).split(separator: "\n").first.map { ": \($0)" } ?? ""
            throw .cannotStart(reason: (exit.map { words(for: $0) } ?? problem.what) + said)
        }
        let missing = ExtractorGreeting.Confinement.required.subtracting(greeting.confinement)
        guard missing.isEmpty else { throw .notConfined(missing: missing.names.joined(separator: ", ")) }
        return ExtractorChild(process: process, greeting: greeting, channel: channel, decoder: decoder)
    }

    private init(
        process: ChildProcess,
        greeting: ExtractorGreeting,
        channel: DescriptorChannel,
        decoder: ExtractionFrameDecoder
    ) {
        self.process = process
        self.greeting = greeting
        self.channel = channel
        self.decoder = decoder
        residentAtStart = process.residentBytes() ?? 0
    }

    /// False when the process ended or said something unasked since the last document.
    var isUsable: Bool { decoder.isEmpty && channel.isQuiet }

    func isWorn(_ configuration: ExtractorConfiguration) -> Bool {
        if documents >= configuration.documentsPerChild || knowsPasswords { return true }
        guard let resident = process.residentBytes() else { return true }
        return resident - residentAtStart > configuration.residentGrowth
    }

    /// Has one document read. Blocks until the answer, the deadline or the child's end; after anything but a reply the
    /// child
    /// must not be used again.
    mutating func read(_ request: ExtractionRequest, from descriptor: OwnedDescriptor) -> Ending {
        let deadline = ContinuousClock.now + request.limits.wallClock
        documents += 1
        knowsPasswords = knowsPasswords || !request.passwords.isEmpty
        var assembler = ExtractionReplyAssembler(limits: request.limits)
        do throws(ChannelError) {
            try channel.send(request.frame.encoded, passing: descriptor.raw, until: deadline)
            while true {
                switch try Self.nextFrame(from: channel, into: &decoder, until: deadline) {
                case .failure(let violation): return .broke(violation)
                case .success(nil): return ending()
                case .success(let frame?):
                    do throws(WireViolation) {
                        if let reply = try assembler.take(frame) { return .reply(reply) }
                    } catch {
                        return .broke(error)
                    }
                }
            }
        } catch {
            switch error {
            case .timedOut: return .timedOut
            case .closed: return ending()
            case .failed(let failure): return .broke(WireViolation(failure.description))
            }
        }
    }

    /// How the process ended after it closed its connection; killed when it lives on without one.
    private func ending() -> Ending {
        if let exit = process.waitForExit(until: ContinuousClock.now + .seconds(2)) { return .ended(exit) }
        return .broke(WireViolation("the child closed its connection"))
    }

    private static func receiveGreeting(
        from channel: DescriptorChannel,
        into decoder: inout ExtractionFrameDecoder,
        until deadline: Instant
    ) -> Result<ExtractorGreeting, WireViolation> {
        do {
            guard let frame = try nextFrame(from: channel, into: &decoder, until: deadline).get() else {
                return .failure(WireViolation("it ended without a greeting"))
            }
            return .success(try ExtractorGreeting(frame))
        } catch let violation as WireViolation {
            return .failure(violation)
        } catch {
            return .failure(WireViolation("it sent no greeting in time"))
        }
    }

    /// The next whole frame; nil when the child closed its end.
    private static func nextFrame(
        from channel: DescriptorChannel,
        into decoder: inout ExtractionFrameDecoder,
        until deadline: Instant
    ) throws(ChannelError) -> Result<ExtractionFrame?, WireViolation> {
        while true {
            do throws(WireViolation) {
                if let frame = try decoder.next() { return .success(frame) }
            } catch {
                return .failure(error)
            }
            let isOpen = try channel.receive(until: deadline) { decoder.append($0) }
            if !isOpen { return .success(nil) }
        }
    }

    /// What usually lies behind a signal.
    static func meaning(of signal: Int32) -> String {
        switch signal {
        case 4, 5: "a trap, often out of memory"
        case 6: "an abort, often out of memory"
        case 7: "the file changed while it was read"
        case 9: "killed from outside, often because the host ran out of memory"
        case 11: "a fault in the reader or a nesting too deep"
        case 31: "a forbidden system call"
        default: "unexpected"
        }
    }

    private static func words(for exit: ChildExit) -> String {
        switch exit {
        case .exited(let code): "it ended with code \(code)"
        case .signalled(let signal): "it ended by signal \(signal)"
        }
    }
}
