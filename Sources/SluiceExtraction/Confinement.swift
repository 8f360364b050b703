internal import CLinux
internal import SluiceCore
internal import SluiceSystem

#if canImport(Glibc)
    internal import Glibc
#endif

/// Takes from this process all that reading a document does not need, before the first byte of one arrives.
enum Confinement {
    /// Folders that poppler and the C library may still read from.
    private static let readableFolders = ["/usr/share/poppler", "/usr/share/zoneinfo"]
    /// `nobody` everywhere that matters; it owns nothing, which is the point.
    private static let nobody: UInt32 = 65_534

    /// Confines the process for good.
    ///
    /// - Parameter addressSpace: hard limit in bytes.
    /// - Parameter parent: the process whose end shall end this one; nil for none.
    /// - Returns: what is in force, as the kernel confirms it where it can be asked; nil when the parent is gone
    /// already.
    static func apply(addressSpace: Int, parent: Int32?) -> ExtractorGreeting.Confinement? {
        var applied: ExtractorGreeting.Confinement = []
        signal(SIGXFSZ, SIG_IGN)
        let status = try? OwnedDescriptor.open(reading: "/proc/self/status")
        if geteuid() == 0, sluice_become(nobody) == 0 { applied.insert(.unprivilegedUser) }
        _ = sluice_be_undumpable()
        // After the change of user, which clears the setting; the question afterwards closes the gap before it.
        if let parent, sluice_signal_on_parent_death(SIGKILL) != 0 || getppid() != parent { return nil }
        if getpgrp() == getpid() { applied.insert(.ownProcessGroup) }
        if sluice_no_new_privileges() == 0 { applied.insert(.noNewPrivileges) }
        if confineReads() { applied.insert(.landlock) }
        if ResourceLimits.applyForLife(addressSpace: addressSpace) { applied.insert(.resourceLimits) }
        guard SystemCallFilter.install() else { return applied }
        // The kernel's own word counts: 2 is filter mode.
        if let status = status?.beginning(limit: 8_192), status.contains("\nSeccomp:\t2") { applied.insert(.seccomp) }
        return applied
    }

    private static func confineReads() -> Bool {
        let paths = readableFolders.map { strdup($0) }
        defer { for path in paths { free(path) } }
        let constants = paths.map { UnsafePointer<CChar>($0) }
        return sluice_confine_reads(constants, Int32(constants.count)) > 0
    }
}
