internal import Glibc

/// The machine's time zone files (Debian: tzdata), in `$TZDIR` or `/usr/share/zoneinfo`.
package enum ZoneInfo {
    package static var folder: String { Environment.value("TZDIR") ?? "/usr/share/zoneinfo" }
    /// The largest known is below 4 KB.
    private static let largestFile = 1 << 18

    /// The bytes of a zone's TZif file; nil where there is none of this name.
    ///
    /// Reads a small local file on the calling thread. A name cannot lead out of the folder.
    package static func file(named name: String, in folder: String = Self.folder) -> [UInt8]? {
        guard isPlausible(name) else { return nil }
        let path = folder + "/" + name
        guard Environment.isReadableFile(path), let file = fopen(path, "re") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: largestFile)
        let count = fread(&bytes, 1, bytes.count, file)
        return ferror(file) == 0 && count > 0 ? Array(bytes[..<count]) : nil
    }

    /// `Area/Place` of letters, digits, `_`, `+` and `-`, no part empty.
    package static func isPlausible(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
                !part.isEmpty
                    && part.utf8.allSatisfy { byte in
                        switch byte {
                        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "+"),
                            UInt8(ascii: "-"):
                            true
                        default: false
                        }
                    }
            }
    }
}
