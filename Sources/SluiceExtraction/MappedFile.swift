internal import SluiceSystem

#if canImport(Glibc)
    internal import Glibc
#endif

/// A file's bytes, mapped and not copied: the page cache pays for them, not this process.
///
/// If someone shortens the file meanwhile, touching the lost part ends the process by SIGBUS, which the parent reports.
final class MappedFile {
    let bytes: UnsafeRawBufferPointer

    /// - Parameter size: of the regular file behind `descriptor`, in bytes.
    init(_ descriptor: OwnedDescriptor, size: Int) throws(SystemCallError) {
        guard size > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor.raw, 0), start != MAP_FAILED else {
            throw SystemCallError("mmap", code: errno)
        }
        bytes = UnsafeRawBufferPointer(start: start, count: size)
    }

    deinit {
        if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) }
    }
}
