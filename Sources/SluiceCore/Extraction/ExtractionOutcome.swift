/// How reading a document ended. Only `ok` leads to chunks; nothing empty, encrypted or broken is called success.
package enum ExtractionOutcome: Hashable, Sendable {
    /// Text was found.
    case ok
    /// A well-formed document without text and without images that could hold any.
    case empty
    /// Pages of images without a text layer: text recognition is needed.
    case needsOCR
    /// A password is needed that is not among the configured ones.
    case encrypted
    /// Damaged beyond repair, or not what its name says.
    case corrupt
    /// Beyond a limit: bytes, pages or characters.
    case tooLarge
    /// No answer within the time limit.
    case timeout
    /// The child ended by this signal: 6 is usual when memory ran out, 31 for a forbidden system call; 0 when it ended
    /// without
    /// a signal or without a valid answer.
    case crashed(signal: Int32)
    /// A format that no reader serves.
    case unsupported

    /// The stored and printed form: `ok`, `needs_ocr`, `crashed(11)`.
    package var name: String {
        switch self {
        case .ok: "ok"
        case .empty: "empty"
        case .needsOCR: "needs_ocr"
        case .encrypted: "encrypted"
        case .corrupt: "corrupt"
        case .tooLarge: "too_large"
        case .timeout: "timeout"
        case .crashed(let signal): "crashed(\(signal))"
        case .unsupported: "unsupported"
        }
    }

    /// Reads `name` back; nil for anything else.
    package init?(name: some StringProtocol) {
        switch name {
        case "ok": self = .ok
        case "empty": self = .empty
        case "needs_ocr": self = .needsOCR
        case "encrypted": self = .encrypted
        case "corrupt": self = .corrupt
        case "too_large": self = .tooLarge
        case "timeout": self = .timeout
        case "unsupported": self = .unsupported
        default:
            guard name.hasPrefix("crashed("), name.hasSuffix(")"), let signal = Int32(name.dropFirst(8).dropLast())
            else {
                return nil
            }
            self = .crashed(signal: signal)
        }
    }

    /// True when another attempt on the same bytes may end differently: a time-out or a crash may be the machine's
    /// fault.
    package var isWorthRetrying: Bool {
        switch self {
        case .timeout, .crashed: true
        default: false
        }
    }
}
