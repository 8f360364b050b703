internal import SluiceCore
internal import SluiceSystem

/// Why reading a document stops before its end.
enum ReadingStop: Error {
    /// The limit of characters is reached.
    case tooMuchText
    /// The parent closed the connection.
    case parentGone
}

/// Sends a document's text to the parent while it is read, so that a long one is never held here as a whole.
final class ReplyStream {
    private let channel: DescriptorChannel
    private let maxCharacters: Int
    private var pending: [UInt8] = []
    /// Unicode scalars sent or pending.
    private(set) var characters = 0
    private(set) var hasVisibleText = false

    private static let flushThreshold = 64 << 10

    init(to channel: DescriptorChannel, maxCharacters: Int) {
        self.channel = channel
        self.maxCharacters = maxCharacters
        pending.reserveCapacity(2 * Self.flushThreshold)
    }

    /// Sends one page of a paged document.
    func page(_ text: CleanText) throws(ReadingStop) { try send(text, first: .page) }

    /// Sends more text of a document without pages.
    func text(_ text: CleanText) throws(ReadingStop) { try send(text, first: .text) }

    /// Sends the verdict that ends the document.
    func conclude(_ outcome: ExtractionOutcome, _ detail: String, _ metadata: DocumentMetadata) throws(ReadingStop) {
        let verdict = ExtractionVerdict(outcome: outcome, detail: detail, metadata: metadata, characters: characters)
        pending.append(contentsOf: verdict.frame.encoded)
        try flush()
    }

    private func send(_ text: CleanText, first: ExtractionFrame.Kind) throws(ReadingStop) {
        guard text.characters <= maxCharacters - characters else { throw .tooMuchText }
        characters += text.characters
        hasVisibleText = hasVisibleText || text.isVisible
        var kind = first
        var rest = text.utf8[...]
        repeat {
            let part = rest.prefix(Self.border(in: rest))
            rest = rest.dropFirst(part.count)
            ExtractionFrame.appendHeader(kind, bodyCount: part.count, to: &pending)
            pending.append(contentsOf: part)
            kind = .text
            if pending.count >= Self.flushThreshold { try flush() }
        } while !rest.isEmpty
    }

    /// How many bytes go into the next frame: whole scalars only.
    private static func border(in bytes: ArraySlice<UInt8>) -> Int {
        guard bytes.count > ExtractionWire.maxBody else { return bytes.count }
        var count = ExtractionWire.maxBody
        while count > 0, bytes[bytes.startIndex + count] & 0xC0 == 0x80 { count -= 1 }
        return count
    }

    private func flush() throws(ReadingStop) {
        do throws(ChannelError) {
            try channel.send(pending)
        } catch {
            throw .parentGone
        }
        pending.removeAll(keepingCapacity: true)
    }
}
