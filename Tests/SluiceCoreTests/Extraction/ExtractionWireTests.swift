import SluiceCore
import Testing

@Suite("The extractor's wire format")
struct ExtractionWireTests {
    private static let verdict = ExtractionVerdict(
        outcome: .ok,
        detail: "3 pages",
        metadata: DocumentMetadata(
            title: "Café",
            author: nil,
            createdAt: -1,
            modifiedAt: nil,
            mediaType: "application/pdf",
            pageCount: 3
        ),
        characters: 211
    )

    @Test("frames survive any cut of the stream", arguments: [1, 2, 7, 12, 13, 1_000])
    func framesSurviveCuts(portion: Int) throws {
        let frames = [
            ExtractionFrame(.page, body: Array("héllo".utf8)), ExtractionFrame(.text, body: []),
            Self.verdict.frame, ExtractionGreetingSample.frame,
        ]
        let bytes = frames.flatMap(\.encoded)
        var decoder = ExtractionFrameDecoder()
        var decoded: [ExtractionFrame] = []
        for start in stride(from: 0, to: bytes.count, by: portion) {
            bytes[start..<min(bytes.count, start + portion)].withUnsafeBytes { decoder.append($0) }
            while let frame = try decoder.next() { decoded.append(frame) }
        }
        #expect(decoded == frames)
        #expect(decoder.isEmpty)
    }

    @Test("a long stream of large frames keeps no more than it needs")
    func largeFrames() throws {
        let body = [UInt8](repeating: 0x61, count: ExtractionWire.maxBody)
        var decoder = ExtractionFrameDecoder()
        for _ in 0..<5 {
            ExtractionFrame(.text, body: body).encoded.withUnsafeBytes { decoder.append($0) }
            #expect(try decoder.next()?.body.count == body.count)
        }
        #expect(try decoder.next() == nil)
    }

    @Test(
        "a wrong header is refused at once",
        arguments: [
            (0, UInt8(0)), (3, 0), (4, 2), (5, 0), (5, 9), (6, 1), (7, 128),
            (11, 1),  // a length of 16 MiB and more
        ]
    )
    func wrongHeader(offset: Int, value: UInt8) {
        var bytes = Self.verdict.frame.encoded
        bytes[offset] = value
        var decoder = ExtractionFrameDecoder()
        bytes.withUnsafeBytes { decoder.append($0) }
        #expect(throws: WireViolation.self) { try decoder.next() }
    }

    @Test("a request arrives as it was sent")
    func request() throws {
        let limits = ExtractionLimits(maxBytes: 5, maxPages: 6, maxCharacters: 7, addressSpace: 8, cpuSeconds: 9)
        let request = ExtractionRequest(limits: limits, mediaTypeHint: "text/markdown", passwords: ["", "ünlock"])
        #expect(try ExtractionRequest(request.frame) == request)
    }

    @Test("passwords that cannot open anything do not travel")
    func oddPasswords() throws {
        let long = String(repeating: "x", count: 128)
        let request = ExtractionRequest(limits: .init(), passwords: [long, "a\0b", "good"])
        #expect(try ExtractionRequest(request.frame).passwords == ["good"])
    }

    @Test("a verdict arrives as it was sent, for every outcome a child may give")
    func verdicts() throws {
        for outcome in [ExtractionOutcome.ok, .empty, .needsOCR, .encrypted, .corrupt, .tooLarge, .unsupported] {
            var verdict = Self.verdict
            verdict.outcome = outcome
            #expect(try ExtractionVerdict(verdict.frame) == verdict)
        }
    }

    @Test(
        "a child cannot claim an outcome that is the parent's to give",
        arguments: [ExtractionOutcome.timeout, .crashed(signal: 9)]
    )
    func parentsOutcomes(outcome: ExtractionOutcome) {
        var verdict = Self.verdict
        verdict.outcome = outcome
        #expect(throws: WireViolation.self) { try ExtractionVerdict(verdict.frame) }
    }

    @Test("texts are cut at a scalar's border")
    func longTexts() throws {
        var verdict = Self.verdict
        verdict.metadata.title = String(repeating: "é", count: 5_000)
        verdict.detail = "x" + String(repeating: "é", count: 5_000)
        let received = try ExtractionVerdict(verdict.frame)
        #expect(received.metadata.title == String(repeating: "é", count: ExtractionWire.maxMetadataBytes / 2))
        #expect(received.detail.utf8.count == ExtractionWire.maxDetailBytes - 1)
    }

    @Test("every shortened or lengthened body is refused")
    func everyLength() {
        let frames = [
            Self.verdict.frame, ExtractionGreetingSample.frame,
            ExtractionRequest(limits: .init(), passwords: ["p"]).frame,
        ]
        for frame in frames {
            let bodies = (0..<frame.body.count).map { Array(frame.body.prefix($0)) } + [frame.body + [0]]
            for body in bodies {
                let changed = ExtractionFrame(frame.kind, body: body)
                #expect(throws: WireViolation.self) { try Self.read(changed) }
            }
        }
    }

    @Test("random bodies never do more than throw", arguments: 0..<20)
    func randomBodies(seed: UInt64) {
        var state = seed &+ 0x9E37_79B9_7F4A_7C15
        for _ in 0..<2_000 {
            let body = (0..<Int(state % 80)).map { _ -> UInt8 in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return UInt8(truncatingIfNeeded: state >> 33) & (state & 1 == 0 ? 0x03 : 0xFF)
            }
            state = state &* 6_364_136_223_846_793_005 &+ 1
            for kind in [ExtractionFrame.Kind.greeting, .request, .verdict] {
                let frame = ExtractionFrame(kind, body: body)
                // What was accepted means the same when it is sent on.
                guard let meaning = try? Self.read(frame) else { continue }
                #expect((try? Self.read(meaning)) == meaning)
            }
        }
    }

    /// Reads a frame's meaning and writes it again.
    @discardableResult
    private static func read(_ frame: ExtractionFrame) throws -> ExtractionFrame {
        switch frame.kind {
        case .greeting: try ExtractorGreeting(frame).frame
        case .request: try ExtractionRequest(frame).frame
        default: try ExtractionVerdict(frame).frame
        }
    }
}

private enum ExtractionGreetingSample {
    static let frame = ExtractorGreeting(confinement: [.seccomp, .landlock], reader: "sluice 1").frame
}
