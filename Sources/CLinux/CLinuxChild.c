#define _GNU_SOURCE
#include "CLinuxChild.h"

#include <errno.h>
#include <limits.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

// A few frames, and at the other end a page each for what the child is to do and for what it reads.
enum { page_size = 4096, stack_size = 32 << 10 };

struct call {
    long number;
    long arguments[5];
    // Where relative paths begin; -1 for nowhere.
    int directory;
    // The one descriptor that is kept; -1 for none.
    int kept;
    char name[NAME_MAX + 1];
};

// A system call that touches nothing else: the child has the thread-local storage of the thread that made it, errno included,
// and the two run at the same time.
static inline __attribute__((always_inline)) long
bare(long number, long first, long second, long third, long fourth, long fifth) {
#if defined(__x86_64__)
    long value;
    register long r10 __asm__("r10") = fourth;
    register long r8 __asm__("r8") = fifth;
    __asm__ volatile("syscall"
                     : "=a"(value)
                     : "a"(number), "D"(first), "S"(second), "d"(third), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return value;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = first;
    register long x1 __asm__("x1") = second;
    register long x2 __asm__("x2") = third;
    register long x3 __asm__("x3") = fourth;
    register long x4 __asm__("x4") = fifth;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
#else
#error "system calls of this architecture are not known here"
#endif
}

// Sanitizers keep their books in thread-local storage too.
__attribute__((disable_sanitizer_instrumentation, no_sanitize("address"), no_sanitize("thread"))) static int
make_call(void *argument) {
    const struct call *call = argument;
    const long *arguments = call->arguments;
    long failure = 0;
    if (call->directory >= 0) failure = bare(SYS_fchdir, call->directory, 0, 0, 0, 0);
    // Sockets and locks of the parent must not live on in a child that hangs.
    if (failure == 0 && call->kept > 0) failure = bare(SYS_close_range, 0, call->kept - 1, 0, 0, 0);
    if (failure == 0) failure = bare(SYS_close_range, (unsigned int)(call->kept + 1), ~0u, 0, 0, 0);
    if (failure == 0) {
        failure = bare(call->number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4]);
    }
    for (;;) bare(SYS_exit, failure < 0 ? -failure : 0, 0, 0, 0, 0);
}

static struct call *new_call(void) {
    void *stack = mmap(NULL, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    return stack == MAP_FAILED ? NULL : stack;
}

static long start(struct call *call, struct clinux_child *child) {
    sigset_t all, before;
    sigfillset(&all);
    // The child keeps this mask: a signal for the whole process group neither ends its call halfway nor runs a handler of the
    // parent's on its little stack.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    // No exit signal: a SIGCHLD handler or a wait for any child elsewhere in the process never sees this one.
    int number = clone(make_call, (char *)call + stack_size, CLONE_VM | CLONE_PIDFD, call, &child->pidfd);
    int failure = number < 0 ? errno : 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure != 0) {
        clinux_release_stack(call);
        return -failure;
    }
    child->stack = call;
    return 0;
}

long clinux_start_umount(int dirfd, const char *name, int flags, struct clinux_child *child) {
    size_t length = strlen(name);
    if (length > NAME_MAX) return -ENAMETOOLONG;
    struct call *call = new_call();
    if (call == NULL) return -errno;
    // The caller's copy may be gone while the child still needs it.
    memcpy(call->name, name, length + 1);
    call->number = SYS_umount2;
    call->arguments[0] = (long)call->name;
    call->arguments[1] = flags | UMOUNT_NOFOLLOW;
    call->directory = dirfd;
    call->kept = -1;
    return start(call, child);
}

long clinux_start_fsconfig_create(int context, struct clinux_child *child) {
    struct call *call = new_call();
    if (call == NULL) return -errno;
    call->number = SYS_fsconfig;
    call->arguments[0] = context;
    call->arguments[1] = FSCONFIG_CMD_CREATE;
    call->directory = -1;
    call->kept = context;
    return start(call, child);
}

long clinux_start_read(int fd, int64_t offset, struct clinux_child *child) {
    struct call *call = new_call();
    if (call == NULL) return -errno;
    call->number = SYS_pread64;
    call->arguments[0] = fd;
    // Aligned as reads past the page cache must be.
    call->arguments[1] = (long)call + page_size;
    call->arguments[2] = page_size;
    call->arguments[3] = offset;
    call->directory = -1;
    call->kept = fd;
    return start(call, child);
}

void clinux_release_stack(void *stack) {
    munmap(stack, stack_size);
}
