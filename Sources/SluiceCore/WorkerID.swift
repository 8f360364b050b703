/// One incarnation of a worker: a random UUID made at start, never a host, process or pod name.
///
/// Reused names hide the dead attempts of their former bearer, so a restart is always a new worker.
package struct WorkerID: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A fresh version-4 UUID from the system's random generator.
    package static func random() -> WorkerID {
        var generator = SystemRandomNumberGenerator()
        let high: UInt64 = generator.next()
        let low: UInt64 = generator.next()
        return WorkerID(
            high: (high & 0xFFFF_FFFF_FFFF_0FFF) | 0x0000_0000_0000_4000,
            low: (low & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000
        )
    }

    /// Reads the 8-4-4-4-12 form; nil for anything else.
    package init?(text: some StringProtocol) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.map(\.utf8.count) == [8, 4, 4, 4, 12] else { return nil }
        let digits = parts.joined()
        guard let high = UInt64(digits.prefix(16), radix: 16), let low = UInt64(digits.suffix(16), radix: 16) else {
            return nil
        }
        self.init(high: high, low: low)
    }

    /// The 16 bytes in network order, PostgreSQL's binary `uuid`.
    package var bytes: [UInt8] {
        [high, low].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0))) } }
    }

    /// Nil unless `bytes` are 16.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 16 else { return nil }
        let high = bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let low = bytes.suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        self.init(high: high, low: low)
    }

    package var description: String {
        let digits = bytes.hexadecimal
        var result = ""
        var index = digits.startIndex
        for (position, length) in [8, 4, 4, 4, 12].enumerated() {
            let end = digits.index(index, offsetBy: length)
            if position > 0 { result += "-" }
            result += digits[index..<end]
            index = end
        }
        return result
    }

    package static func < (left: WorkerID, right: WorkerID) -> Bool { (left.high, left.low) < (right.high, right.low) }
}
