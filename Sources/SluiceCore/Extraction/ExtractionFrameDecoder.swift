/// Cuts a stream of bytes into frames. Holds at most one frame and what came with its end.
package struct ExtractionFrameDecoder: Sendable {
    private var buffer: [UInt8] = []
    private var start = 0

    package init() {}

    /// True between frames.
    package var isEmpty: Bool { start == buffer.count }

    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        if start == buffer.count {
            buffer.removeAll(keepingCapacity: true)
            start = 0
        } else if start > ExtractionWire.maxBody {
            buffer.removeFirst(start)
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// The next whole frame; nil until more bytes come.
    package mutating func next() throws(WireViolation) -> ExtractionFrame? {
        guard buffer.count - start >= ExtractionWire.headerBytes else { return nil }
        var header = WireReader(Array(buffer[start..<start + ExtractionWire.headerBytes]))
        guard try header.integer(UInt32.self) == ExtractionWire.magic else { throw WireViolation("no magic number") }
        let version = try header.integer(UInt8.self)
        guard version == ExtractionWire.version else {
            throw WireViolation(
                "version \(version) instead of \(ExtractionWire.version); update worker and extractor together"
            )
        }
        guard let kind = ExtractionFrame.Kind(rawValue: try header.integer(UInt8.self)) else {
            throw WireViolation("an unknown kind of frame")
        }
        guard try header.integer(UInt16.self) == 0 else { throw WireViolation("reserved bits are set") }
        let length = try header.count(UInt32.self, atMost: ExtractionWire.maxBody)
        let first = start + ExtractionWire.headerBytes
        guard buffer.count - first >= length else { return nil }
        start = first + length
        return ExtractionFrame(kind, body: Array(buffer[first..<start]))
    }
}
