/// The wire format between a worker and its extractor child: frames of a fixed header and a bounded body.
///
/// ```
/// magic "SLXT" · version u8 · kind u8 · 0 u16 · length u32 · body      (all numbers little-endian)
/// ```
///
/// A conversation: the child greets once; then per document one request (with the open file attached as a descriptor),
/// any number of `page` and `text` frames, and one `verdict`. Both sides check every field: the child because a
/// request is
/// its only input besides the document, the worker because a child that reads a hostile document may be hostile itself.
package enum ExtractionWire {
    package static let version: UInt8 = 1
    package static let headerBytes = 12
    /// Bytes of a frame's body.
    package static let maxBody = 1 << 20
    package static let maxPasswords = 16
    /// PDF uses at most 127 bytes of a password; more is a mistake of the caller's.
    package static let maxPasswordBytes = 127
    package static let maxDetailBytes = 1_000
    package static let maxMediaTypeBytes = 127
    package static let maxMetadataBytes = 4_000
    package static let maxReaderBytes = 200
    /// Pages that either side ever counts to, whatever the limits of a request say.
    package static let maxPages = 10_000_000

    static let magic: UInt32 = 0x5458_4C53  // "SLXT" in little-endian order
}

/// Bytes that do not follow ``ExtractionWire``: the connection cannot be used any further.
package struct WireViolation: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was wrong; never bytes of the document.
    package let what: String

    package init(_ what: String) { self.what = what }

    package var description: String { "the extractor's wire format was broken: \(what)" }
}
