#pragma once

// What a process takes from itself: Landlock and identity. glibc wraps none of Landlock's calls.

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/// Allows reading beneath `folders` and forbids every other access by path, for good; needs no-new-privileges.
///
/// Folders that do not exist are skipped. Returns the kernel's Landlock version (1 and up), or -errno: -ENOSYS and
/// -EOPNOTSUPP where the kernel has none. Descriptors that are open already keep working.
static inline int sluice_confine_reads(const char *const *folders, int count) {
    // From linux/landlock.h, whose older copies lack the later rights: read file 1 << 2, read folder 1 << 3.
    const uint64_t reads = (1ULL << 2) | (1ULL << 3);
    struct { uint64_t handled; } ruleset = {0};
    long version = syscall(444 /* landlock_create_ruleset */, 0, 0, 1 /* ask for the version */);
    if (version < 1) return -errno;
    int rights = version >= 5 ? 16 : version >= 3 ? 15 : version >= 2 ? 14 : 13;
    ruleset.handled = (1ULL << rights) - 1;
    int rules = (int)syscall(444, &ruleset, sizeof ruleset, 0);
    if (rules < 0) return -errno;
    for (int index = 0; index < count; index++) {
        int folder = open(folders[index], 010000000 /* O_PATH */ | O_CLOEXEC);
        if (folder < 0) continue;
        struct __attribute__((packed)) { uint64_t allowed; int32_t parent; } beneath = {reads, folder};
        long added = syscall(445 /* landlock_add_rule */, rules, 1 /* path beneath */, &beneath, 0);
        int problem = errno;
        close(folder);
        if (added != 0) {
            close(rules);
            return -problem;
        }
    }
    long confined = syscall(446 /* landlock_restrict_self */, rules, 0);
    int problem = errno;
    close(rules);
    return confined == 0 ? (int)version : -problem;
}

/// Gives up every user and group of the process for `id`; 0, or -errno. Raw calls: the process has one thread.
static inline int sluice_become(unsigned id) {
    if (syscall(SYS_setgroups, 0, 0) != 0 || syscall(SYS_setresgid, id, id, id) != 0
        || syscall(SYS_setresuid, id, id, id) != 0) {
        return -errno;
    }
    return 0;
}

/// No core dumps, no tracing by the same user; 0 on success.
static inline int sluice_be_undumpable(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

/// Copies of the process for the self-test's probe: fork is not importable. -1 and errno, 0 in the child.
static inline int sluice_fork(void) { return (int)fork(); }
