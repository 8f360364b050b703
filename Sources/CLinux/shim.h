#pragma once

// What Swift's Glibc module leaves out: GNU extensions and variadic functions.

#include <fcntl.h>
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
