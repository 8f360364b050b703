#pragma once

// What Swift's Glibc module leaves out: GNU extensions and variadic functions.

#include "confinement.h"
#include "descriptors.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/// Names the calling thread for ps and debuggers; at most 15 bytes.
static inline void sluice_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

/// No privileges may be gained from here on; 0 on success.
static inline int sluice_no_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }

/// The calling process gets `signal` when its parent ends; 0 on success.
static inline int sluice_signal_on_parent_death(int signal) { return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0); }

/// setrlimit takes an enum in glibc's C++-guarded header that Swift imports oddly.
static inline int sluice_limit(int resource, unsigned long long soft, unsigned long long hard) {
    struct rlimit limit = {.rlim_cur = (rlim_t)soft, .rlim_max = (rlim_t)hard};
    return setrlimit(resource, &limit);
}

/// fcntl is variadic.
static inline int sluice_set_close_on_exec(int descriptor) { return fcntl(descriptor, F_SETFD, FD_CLOEXEC); }

/// glibc 2.34's GNU extension: the spawned process gets no descriptor from `first` up; 0 or an error number.
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int first);
static inline int sluice_close_from(posix_spawn_file_actions_t *actions, int first) {
    return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

/// The limit of the calling process, soft then hard, as setrlimit took it; 0 on success.
static inline int sluice_read_limit(int resource, unsigned long long *soft, unsigned long long *hard) {
    struct rlimit limit;
    int status = getrlimit(resource, &limit);
    *soft = limit.rlim_cur;
    *hard = limit.rlim_max;
    return status;
}

/// CPU time that the calling process has used, user and system, in microseconds; -1 on failure.
static inline long long sluice_cpu_microseconds(void) {
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) return -1;
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000LL + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}
