#pragma once

// Passing descriptors over a socket: the control message macros are not importable.

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/// Sends up to `length` bytes with `passed` attached to the first of them; the bytes sent, or -1 and errno. No SIGPIPE.
static inline ssize_t sluice_send_descriptor(int socket, const void *bytes, size_t length, int passed, int flags) {
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr alignment;
    } control;
    memset(&control, 0, sizeof control);
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = length};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &passed, sizeof(int));
    return sendmsg(socket, &message, MSG_NOSIGNAL | flags);
}

/// Receives up to `length` bytes and at most one descriptor, which is -1 when none came; 0 bytes at the end, -1 and
/// errno.
///
/// The descriptor is close-on-exec and the caller's. Room is for one: the kernel closes any further ones.
static inline ssize_t sluice_receive_descriptor(int socket, void *bytes, size_t length, int *received) {
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr alignment;
    } control;
    struct iovec part = {.iov_base = bytes, .iov_len = length};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    *received = -1;
    ssize_t count = recvmsg(socket, &message, 0x40000000 /* MSG_CMSG_CLOEXEC, a GNU name */);
    if (count < 0) return count;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS
            && header->cmsg_len == CMSG_LEN(sizeof(int))) {
            memcpy(received, CMSG_DATA(header), sizeof(int));
        }
    }
    return count;
}

/// A descriptor that becomes readable when the process ends (Linux 5.3); -1 and errno. glibc 2.36 has no header for it
/// in C++.
static inline int sluice_open_process(int process) { return (int)syscall(434 /* pidfd_open */, process, 0); }

/// An anonymous file in memory, close-on-exec; -1 and errno.
static inline int sluice_memory_file(const char *name) { return (int)syscall(SYS_memfd_create, name, 1 /* CLOEXEC */); }
