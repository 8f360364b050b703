/// Tells a PDF that lost its end from one that is merely untidy.
///
/// Poppler repairs a cut file by searching for objects and then shows what it found, often with pages missing and
/// without
/// saying so. Nothing broken may be called success, so a cut file is refused before it is repaired.
package enum PDFEnding {
    private static let tail = 4_096
    private static let trailerMarks = [Array("startxref".utf8), Array("%%EOF".utf8)]

    /// True when the file has no trailer near its end, or is linearized and shorter than it says.
    package static func isCutOff(_ bytes: UnsafeRawBufferPointer) -> Bool {
        if let stated = statedLength(bytes), stated > bytes.count { return true }
        // Padding to whole blocks is harmless.
        var end = bytes.count
        while end > 0, bytes[end - 1] <= 0x20 { end -= 1 }
        let ending = Array(bytes[max(0, end - tail)..<end])
        return !trailerMarks.contains { ending.firstRange(of: $0) != nil }
    }

    /// True when the file's own list of pages is said to be empty.
    static func saysNoPages(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let all = Array(bytes.prefix(1 << 20))
        guard let count = all.firstRange(of: Array("/Count 0".utf8)) else { return false }
        return count.upperBound == all.count || !(0x30...0x39).contains(all[count.upperBound])
    }

    /// The length of the whole file that a linearized PDF states in its first object; nil for others.
    package static func statedLength(_ bytes: UnsafeRawBufferPointer) -> Int? {
        let head = Array(bytes.prefix(1_024))
        guard let mark = head.firstRange(of: Array("/Linearized".utf8)) else { return nil }
        let rest = head[mark.upperBound...]
        guard let end = rest.firstRange(of: Array(">>".utf8)), let start = head[..<mark.lowerBound].lastIndex(of: 0x3C)
        else {
            return nil
        }
        let dictionary = head[start..<end.lowerBound]
        for key in ["/L ", "/L\n", "/L\r"] {
            guard let found = dictionary.firstRange(of: Array(key.utf8)) else { continue }
            let digits = dictionary[found.upperBound...].drop { $0 <= 0x20 }.prefix { (0x30...0x39).contains($0) }
            return Int(String(decoding: digits, as: UTF8.self))
        }
        return nil
    }
}
