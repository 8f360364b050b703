#if canImport(Glibc)
    internal import Glibc
#endif

/// A system call that failed, with the system's own words.
package struct SystemCallError: Error, Hashable, Sendable, CustomStringConvertible {
    /// `posix_spawn`, `open`.
    package let call: String
    /// An `errno` value.
    package let code: Int32

    package init(_ call: String, code: Int32) {
        self.call = call
        self.code = code
    }

    package var description: String { "\(call) failed: \(String(cString: strerror(code)))" }
}
