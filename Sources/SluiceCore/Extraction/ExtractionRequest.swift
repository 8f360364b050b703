/// What a worker asks of its extractor: read the file whose descriptor comes with this.
package struct ExtractionRequest: Hashable, Sendable {
    /// The wall clock is the worker's own business and does not travel.
    package var limits: ExtractionLimits
    /// What the file's name or its source says it is; decides only between kinds of text.
    package var mediaTypeHint: String?
    /// Tried in this order after the empty one.
    package var passwords: [String]

    package init(limits: ExtractionLimits, mediaTypeHint: String? = nil, passwords: [String] = []) {
        self.limits = limits
        self.mediaTypeHint = mediaTypeHint
        self.passwords = passwords
    }

    /// Passwords beyond the wire format's bounds cannot open any PDF and are left out.
    package var frame: ExtractionFrame {
        var writer = WireWriter()
        writer.append(UInt64(max(0, limits.maxBytes)))
        writer.append(UInt32(clamping: limits.maxPages))
        writer.append(UInt64(max(0, limits.maxCharacters)))
        writer.append(UInt64(max(0, limits.addressSpace)))
        writer.append(UInt32(clamping: limits.cpuSeconds))
        writer.append(mediaTypeHint, limit: ExtractionWire.maxMediaTypeBytes)
        let usable = passwords.filter {
            $0.utf8.count <= ExtractionWire.maxPasswordBytes && !$0.utf8.contains(0)
        }.prefix(ExtractionWire.maxPasswords)
        writer.append(UInt8(usable.count))
        for password in usable { writer.append(password, limit: ExtractionWire.maxPasswordBytes) }
        return ExtractionFrame(.request, body: writer.bytes)
    }

    package init(_ frame: ExtractionFrame) throws(WireViolation) {
        guard frame.kind == .request else { throw WireViolation("a \(frame.kind) instead of a request") }
        var reader = WireReader(frame.body)
        var limits = ExtractionLimits()
        limits.maxBytes = try reader.count(UInt64.self)
        limits.maxPages = min(try reader.count(UInt32.self), ExtractionWire.maxPages)
        limits.maxCharacters = try reader.count(UInt64.self)
        limits.addressSpace = try reader.count(UInt64.self)
        limits.cpuSeconds = try reader.count(UInt32.self)
        self.limits = limits
        mediaTypeHint = try reader.optionalText(limit: ExtractionWire.maxMediaTypeBytes)
        passwords = []
        for _ in 0..<(try reader.count(UInt8.self, atMost: ExtractionWire.maxPasswords)) {
            passwords.append(try reader.text(limit: ExtractionWire.maxPasswordBytes))
        }
        try reader.finish()
    }
}
