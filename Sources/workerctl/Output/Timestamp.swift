internal import Glibc

/// Moments as RFC 3339 in UTC, for people and for JSON.
enum Timestamp {
    /// - Parameter microseconds: since 1970-01-01 UTC.
    static func text(_ microseconds: Int64) -> String {
        // What waits in a workflow has no moment yet.
        if microseconds == .max { return "when released" }
        var seconds = Int(microseconds.quotientAndRemainder(dividingBy: 1_000_000).quotient)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        var buffer = [CChar](repeating: 0, count: 40)
        let length = strftime(&buffer, buffer.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
        return String(decoding: buffer[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    static func text(_ microseconds: Int64?) -> String? { microseconds.map { text($0) } }
}
