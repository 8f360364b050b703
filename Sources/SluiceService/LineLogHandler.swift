internal import Glibc
package import Logging

/// Logs one line an event on standard error: time, level, message, then `key=value` pairs.
///
/// Standard error is unbuffered, so the last lines before a crash are there. Values with spaces are quoted; control
/// characters are folded, so that untrusted text cannot forge lines.
package struct LineLogHandler: LogHandler {
    package var metadata: Logger.Metadata = [:]
    package var logLevel: Logger.Level

    package init(level: Logger.Level) { logLevel = level }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var all = metadata
        if let metadata = event.metadata { all.merge(metadata) { $1 } }
        var line = "\(Self.timestamp()) \(event.level.rawValue.uppercased()) \(event.message)"
        for (key, value) in all.sorted(by: { $0.key < $1.key }) { line += " \(key)=\(Self.quoted("\(value)"))" }
        line.append("\n")
        var bytes = Array(line.utf8)
        // One write a line keeps lines of several threads apart.
        _ = bytes.withUnsafeMutableBytes { write(2, $0.baseAddress, $0.count) }
    }

    static func quoted(_ value: String) -> String {
        let plain = value.unicodeScalars.allSatisfy { $0.value > 32 && $0.value != 127 && $0 != "\"" && $0 != "=" }
        if plain && !value.isEmpty { return value }
        var result = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case _ where scalar.value < 32 || scalar.value == 127: result += " "
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    /// RFC 3339 in UTC with milliseconds.
    static func timestamp() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var parts = tm()
        gmtime_r(&now.tv_sec, &parts)
        var text = [CChar](repeating: 0, count: 32)
        let length = strftime(&text, text.count, "%Y-%m-%dT%H:%M:%S", &parts)
        let seconds = String(decoding: text[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self)
        let milliseconds = String(now.tv_nsec / 1_000_000)
        return seconds + "." + String(repeating: "0", count: 3 - milliseconds.count) + milliseconds + "Z"
    }
}

extension Logger {
    /// A logger of the executable with this name, at the level of the settings.
    package static func line(_ label: String, level: String) -> Logger {
        let level = Logger.Level(rawValue: level) ?? .info
        return Logger(label: label) { _ in LineLogHandler(level: level) }
    }
}
