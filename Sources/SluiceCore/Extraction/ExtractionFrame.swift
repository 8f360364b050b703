/// One frame of ``ExtractionWire``.
package struct ExtractionFrame: Hashable, Sendable {
    package enum Kind: UInt8, Sendable {
        /// Child to worker, once: ``ExtractorGreeting``.
        case greeting = 1
        /// Worker to child: ``ExtractionRequest``, with the open file's descriptor attached to its first byte.
        case request = 2
        /// Child to worker: UTF-8 that begins a new page.
        case page = 3
        /// Child to worker: UTF-8 that goes on.
        case text = 4
        /// Child to worker, last of a document: ``ExtractionVerdict``.
        case verdict = 5
    }

    package let kind: Kind
    /// At most ``ExtractionWire/maxBody`` bytes.
    package let body: [UInt8]

    package init(_ kind: Kind, body: [UInt8]) {
        self.kind = kind
        self.body = body
    }

    /// Header and body.
    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(ExtractionWire.headerBytes + body.count)
        Self.appendHeader(kind, bodyCount: body.count, to: &bytes)
        bytes.append(contentsOf: body)
        return bytes
    }

    /// The header alone, for writers that append a body of `bodyCount` bytes themselves.
    package static func appendHeader(_ kind: Kind, bodyCount: Int, to bytes: inout [UInt8]) {
        precondition(bodyCount <= ExtractionWire.maxBody, "a frame's body is too long")
        var writer = WireWriter()
        writer.append(ExtractionWire.magic)
        writer.append(ExtractionWire.version)
        writer.append(kind.rawValue)
        writer.append(UInt16(0))
        writer.append(UInt32(bodyCount))
        bytes.append(contentsOf: writer.bytes)
    }
}
