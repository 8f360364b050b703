internal import CLinux
internal import Glibc

/// This machine's idea of the time. For showing and comparing only: what happens when is the database's to say.
package enum WallClock {
    /// Seconds since 1970, UTC.
    package static func seconds() -> Double {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    }
}
