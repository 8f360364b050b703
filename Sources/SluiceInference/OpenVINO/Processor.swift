internal import SluiceSystem

/// What this machine's processor can do.
enum Processor {
    /// True when it multiplies 8-bit integers into 32-bit sums (VNNI). Older ones sum in 16 bits, where products of full 8-bit
    /// weights overflow without a sign.
    static let multipliesBytesExactly: Bool = {
        guard let text = Environment.textFile("/proc/cpuinfo") else { return false }
        for line in text.split(separator: "\n") where line.hasPrefix("flags") {
            return line.split(separator: " ").contains { $0 == "avx512_vnni" || $0 == "avx_vnni" }
        }
        return false
    }()
}
