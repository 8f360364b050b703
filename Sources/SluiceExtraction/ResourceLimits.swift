internal import CLinux
internal import SluiceCore

#if canImport(Glibc)
    internal import Glibc
#endif

/// The kernel's limits on this process, taken from itself before it sees a document.
enum ResourceLimits {
    /// Sets what holds for the life of the process.
    ///
    /// - Parameter addressSpace: hard limit in bytes; a document's own limit is a soft one below it.
    /// - Returns: true when every limit is in force.
    static func applyForLife(addressSpace: Int) -> Bool {
        let ceiling = UInt64(clamping: addressSpace)
        return [
            set(RLIMIT_AS, ceiling, ceiling),
            set(RLIMIT_FSIZE, 0, 0),
            set(RLIMIT_CORE, 0, 0),
            // The socket, the standard descriptors, one document, poppler's data files, and some slack.
            set(RLIMIT_NOFILE, 24, 24),
        ].allSatisfy { $0 }
    }

    /// Re-arms what is counted per document: address space, and CPU time on top of what is used already.
    static func apply(for limits: ExtractionLimits) -> Bool {
        let (_, ceiling) = read(RLIMIT_AS)
        let used = sluice_cpu_microseconds()
        guard used >= 0 else { return false }
        let seconds = UInt64(used / 1_000_000 + 1) + UInt64(clamping: max(1, limits.cpuSeconds))
        let (_, hardSeconds) = read(RLIMIT_CPU)
        return set(RLIMIT_AS, min(UInt64(clamping: limits.addressSpace), ceiling), ceiling)
            && set(RLIMIT_CPU, min(seconds, hardSeconds), hardSeconds)
    }

    /// What is in force, by name, as soft limits; nil stands for none.
    static func current() -> [(name: String, value: UInt64?)] {
        [
            ("address_space_bytes", RLIMIT_AS), ("cpu_seconds", RLIMIT_CPU), ("file_size_bytes", RLIMIT_FSIZE),
            ("open_files", RLIMIT_NOFILE), ("core_bytes", RLIMIT_CORE), ("stack_bytes", RLIMIT_STACK),
        ].map { name, resource in
            let soft = read(resource).soft
            return (name, soft == UInt64.max ? nil : soft)
        }
    }

    private static func set(_ resource: __rlimit_resource, _ soft: UInt64, _ hard: UInt64) -> Bool {
        sluice_limit(Int32(resource.rawValue), soft, hard) == 0
    }

    private static func read(_ resource: __rlimit_resource) -> (soft: UInt64, hard: UInt64) {
        var soft: UInt64 = 0
        var hard: UInt64 = 0
        _ = sluice_read_limit(Int32(resource.rawValue), &soft, &hard)
        return (soft, hard)
    }
}
