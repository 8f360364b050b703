internal import Glibc
internal import SluiceSystem

/// What the standard streams are connected to.
enum Terminal {
    static let outputIsTerminal = isatty(1) == 1
    static let errorIsTerminal = isatty(2) == 1
    static let inputIsTerminal = isatty(0) == 1
    /// Colour only for people, and only where they have not said no.
    static let usesColour = outputIsTerminal && getenv("NO_COLOR") == nil

    /// Columns of the terminal on standard error; 80 when it is none.
    static func width() -> Int {
        var size = winsize()
        guard ioctl(2, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// Data.
    static func write(_ text: String) { StandardStream.output.write(text) }

    /// Messages.
    static func say(_ text: String) { StandardStream.error.write(text + "\n") }

    /// A question, to be answered on the same line.
    static func ask(_ text: String) { StandardStream.error.write(text) }

    /// Repaints the current line of standard error.
    static func repaint(_ text: String) { StandardStream.error.write("\r\u{1B}[2K" + text) }
}

/// The colours of verdicts and states; nothing where colour is unwanted.
enum Colour: String {
    case red = "31"
    case green = "32"
    case yellow = "33"
    case dim = "2"
    case bold = "1"

    func callAsFunction(_ text: String) -> String {
        Terminal.usesColour ? "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" : text
    }
}
