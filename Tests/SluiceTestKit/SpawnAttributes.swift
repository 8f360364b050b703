package import Glibc

/// Calls `body` with attributes that let a child begin with no signal blocked or ignored.
///
/// Threads of the cooperative pool block signals, and a child inherits that: a shell's servers would never hear SIGTERM.
package func withSpawnAttributes<Value>(_ body: (UnsafePointer<posix_spawnattr_t>) throws -> Value) rethrows -> Value {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    return try body(&attributes)
}
