internal import CLibSeccomp
internal import CLinux

#if canImport(Glibc)
    internal import Glibc
#endif

/// The system calls that reading a document needs; everything else fails, and what only an attack would try ends the
/// process.
enum SystemCallFilter {
    /// Installs the filter for good. Needs no-new-privileges.
    static func install() -> Bool {
        guard let filter = seccomp_init(refuse) else { return false }
        defer { seccomp_release(filter) }
        let rules =
            allowed.map { ($0, allow, []) } + conditional.map { ($0.0, allow, $0.1) } + fatal.map { ($0, end, []) }
        for (name, action, conditions) in rules {
            let number = seccomp_syscall_resolve_name(name)
            // A call that this architecture does not have needs no rule.
            guard number >= 0 else { continue }
            let status = seccomp_rule_add_array(filter, action, number, UInt32(conditions.count), conditions)
            guard status == 0 else { return false }
        }
        return seccomp_load(filter) == 0
    }

    private static let allow: UInt32 = 0x7fff_0000
    private static let end: UInt32 = 0x8000_0000
    private static let refuse: UInt32 = 0x0005_0000 | UInt32(EPERM)

    /// Memory, time, reading what is open, answering, and what the C library does behind these.
    private static let allowed = [
        "access", "brk", "clock_getres", "clock_gettime", "clock_nanosleep", "close", "dup", "exit", "exit_group",
        "faccessat", "faccessat2", "fcntl", "fstat", "fstatfs", "futex", "getcwd", "getdents64", "getegid", "geteuid",
        "getgid", "getpgrp", "getpid", "getppid", "getrandom", "getrlimit", "getrusage", "gettid", "gettimeofday",
        "getuid", "lseek", "lstat", "madvise", "mremap", "munmap", "nanosleep", "newfstatat", "poll", "ppoll",
        "pread64",
        "read", "readlink", "readlinkat", "readv", "recvfrom", "recvmsg", "restart_syscall", "rseq", "rt_sigaction",
        "rt_sigprocmask", "rt_sigreturn", "sched_getaffinity", "sched_yield", "sendto", "set_robust_list",
        "sigaltstack", "stat", "statfs", "statx", "sysinfo", "time", "uname", "write", "writev",
    ]

    /// Calls that are allowed with some arguments only.
    private static var conditional: [(String, [scmp_arg_cmp])] {
        let writing = UInt64(O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND)
        let process = UInt64(getpid())
        return [
            // Reading only; which paths at all is Landlock's part.
            ("openat", [masked(argument: 2, by: writing, equals: UInt64(O_RDONLY))]),
            ("open", [masked(argument: 1, by: writing, equals: UInt64(O_RDONLY))]),
            // No new code: what runs was loaded before the filter.
            ("mmap", [masked(argument: 2, by: UInt64(PROT_EXEC), equals: 0)]),
            ("mprotect", [masked(argument: 2, by: UInt64(PROT_EXEC), equals: 0)]),
            // abort() signals its own thread.
            ("tgkill", [equal(argument: 0, to: process)]),
            // Its own limits for the next document, never above the hard ones; and reading any of its own.
            ("prlimit64", [equal(argument: 0, to: 0), equal(argument: 1, to: UInt64(RLIMIT_AS.rawValue))]),
            ("prlimit64", [equal(argument: 0, to: 0), equal(argument: 1, to: UInt64(RLIMIT_CPU.rawValue))]),
            ("prlimit64", [equal(argument: 0, to: 0), equal(argument: 2, to: 0)]),
        ]
    }

    /// No reader ever does these, so the process ends with SIGSYS and the document is reported as `crashed(31)`.
    private static let fatal = [
        "accept", "accept4", "add_key", "bind", "bpf", "chroot", "clone", "clone3", "connect", "delete_module",
        "execve",
        "execveat", "finit_module", "fork", "init_module", "io_uring_enter", "io_uring_register", "io_uring_setup",
        "kexec_load", "keyctl", "kill", "listen", "memfd_create", "mount", "move_mount", "open_by_handle_at",
        "open_tree",
        "perf_event_open", "pidfd_getfd", "pidfd_open", "pidfd_send_signal", "pivot_root", "process_vm_readv",
        "process_vm_writev", "ptrace", "request_key", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "setgid", "setns",
        "setresgid", "setresuid", "setuid", "socket", "socketpair", "tkill", "umount2", "unshare", "userfaultfd",
        "vfork",
    ]

    private static func masked(argument: UInt32, by mask: UInt64, equals value: UInt64) -> scmp_arg_cmp {
        scmp_arg_cmp(arg: argument, op: SCMP_CMP_MASKED_EQ, datum_a: mask, datum_b: value)
    }

    private static func equal(argument: UInt32, to value: UInt64) -> scmp_arg_cmp {
        scmp_arg_cmp(arg: argument, op: SCMP_CMP_EQ, datum_a: value, datum_b: 0)
    }
}
