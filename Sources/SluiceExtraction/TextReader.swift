internal import SluiceCore

/// Plain text and Markdown: the text as it is, so that offsets into it are offsets into the file's characters.
enum TextReader {
    /// Bytes of UTF-8 in which a Markdown title is looked for.
    private static let titleWindow = 64 << 10

    static func read(
        _ bytes: UnsafeRawBufferPointer,
        _ request: ExtractionRequest,
        mediaType: String,
        into stream: ReplyStream
    ) throws(ReadingStop) -> Reading {
        // A scalar takes at most four bytes in any of the encodings.
        guard bytes.count / 4 <= request.limits.maxCharacters else { throw .tooMuchText }
        guard let (encoding, markLength) = TextEncoding.detect(bytes) else {
            return Reading(
                .unsupported,
                "the bytes are neither text nor a known format",
                mediaType: "application/octet-stream"
            )
        }
        var beginning: [UInt8] = []
        let body = UnsafeRawBufferPointer(rebasing: bytes[markLength...])
        try TextDecoding(encoding).decode(body) { (piece) throws(ReadingStop) in
            if beginning.count < titleWindow { beginning.append(contentsOf: piece.utf8.prefix(titleWindow)) }
            try stream.text(piece)
        }
        var metadata = DocumentMetadata(mediaType: mediaType, pageCount: 0)
        guard stream.hasVisibleText else { return Reading(.empty, "the file holds only blanks", metadata) }
        if mediaType == MediaType.markdown {
            metadata.title = MarkdownTitle.find(in: String(decoding: beginning, as: UTF8.self))
        }
        return Reading(.ok, "\(stream.characters) characters", metadata)
    }
}
