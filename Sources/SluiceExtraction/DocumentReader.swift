internal import SluiceCore
internal import SluiceSystem

/// Reads one document of whatever format and answers its request, whole.
struct DocumentReader {
    let channel: DescriptorChannel
    let honoursTestHooks: Bool

    /// Sends text and verdict of the document behind `descriptor`.
    ///
    /// - Throws: `parentGone` when nobody listens any more.
    func answer(_ request: ExtractionRequest, _ descriptor: OwnedDescriptor) throws(ReadingStop) {
        let stream = ReplyStream(to: channel, maxCharacters: request.limits.maxCharacters)
        var reading: Reading
        do throws(ReadingStop) {
            reading = try read(request, descriptor, into: stream)
        } catch .tooMuchText {
            let detail = "the document has more than \(request.limits.maxCharacters) characters"
            reading = Reading(.tooLarge, detail, mediaType: "application/octet-stream")
        }
        try stream.conclude(reading.outcome, reading.detail, reading.metadata)
    }

    private func read(
        _ request: ExtractionRequest,
        _ descriptor: OwnedDescriptor,
        into stream: ReplyStream
    ) throws(ReadingStop) -> Reading {
        let unknown = "application/octet-stream"
        guard ResourceLimits.apply(for: request.limits) else {
            return Reading(.tooLarge, "the limits of this document cannot be set", mediaType: unknown)
        }
        let file: MappedFile
        do throws(SystemCallError) {
            guard let size = try descriptor.regularFileSize() else {
                return Reading(.unsupported, "this is not a regular file", mediaType: unknown)
            }
            guard size <= request.limits.maxBytes else {
                let detail = "the file has \(size) bytes; the limit is \(request.limits.maxBytes)"
                return Reading(.tooLarge, detail, mediaType: unknown)
            }
            file = try MappedFile(descriptor, size: size)
        } catch {
            return Reading(.tooLarge, "the file does not fit into the reader's memory (\(error))", mediaType: unknown)
        }
        if honoursTestHooks { try TestHooks.obey(file.bytes, channel, stream) }
        switch DocumentFormat.sniff(file.bytes, hint: request.mediaTypeHint) {
        case .nothing:
            return Reading(.empty, "the file has no bytes", mediaType: unknown)
        case .foreign(let name):
            return Reading(.unsupported, "this is \(name), for which there is no reader", mediaType: unknown)
        case .pdf:
            return try PDFReader.read(file.bytes, request, into: stream)
        case .text(let mediaType):
            return try TextReader.read(file.bytes, request, mediaType: mediaType, into: stream)
        }
    }
}
