#define _GNU_SOURCE
#include "CLinuxProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static long result(long value) {
    return value < 0 ? -errno : value;
}

struct program {
    const char *path;
    char *const *argv;
    char *const *envp;
    int descriptors[4];
    int count;
    pid_t parent;
    int error;
};

// Runs in the memory of the parent, whose thread waits: system calls only, and nothing that takes a lock.
static int start_program(void *argument) {
    struct program *program = argument;
    struct sigaction fallback = {.sa_handler = SIG_DFL};
    // What the parent ignores stays ignored across execve: a program must get its SIGPIPE.
    for (int signal = 1; signal < _NSIG; signal++) {
        struct sigaction present;
        if (sigaction(signal, NULL, &present) == 0 && present.sa_handler == SIG_IGN) sigaction(signal, &fallback, NULL);
    }
    if (setsid() < 0) goto failed;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) goto failed;
    // It may have died before that took effect.
    if (getppid() != program->parent) {
        errno = ECHILD;
        goto failed;
    }
    int copies[4];
    for (int index = 0; index < program->count; index++) {
        // Above those that are made, so that no copy overwrites an original that is still needed.
        copies[index] = fcntl(program->descriptors[index], F_DUPFD, program->count);
        if (copies[index] < 0) goto failed;
    }
    for (int index = 0; index < program->count; index++) {
        if (dup2(copies[index], index) < 0) goto failed;
    }
    if (syscall(SYS_close_range, (unsigned int)program->count, ~0u, 0u) < 0) goto failed;
    if (chdir("/") < 0) goto failed;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(program->path, program->argv, program->envp);
failed:
    program->error = errno;
    _exit(127);
}

long clinux_spawn_program(const char *path, char *const argv[], char *const envp[], int input, int output, int error,
                          int kept, pid_t *pid) {
    const size_t size = 128 << 10;
    void *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) return -errno;
    struct program program = {
        .path = path,
        .argv = argv,
        .envp = envp,
        .descriptors = {input, output, error, kept},
        .count = kept < 0 ? 3 : 4,
        .parent = getpid(),
    };
    int pidfd = -1;
    sigset_t all, before;
    sigfillset(&all);
    // No handler of this process may run in the child while it shares this memory.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    // CLONE_VFORK: this thread goes on when the child has execve'd or ended. CLONE_FILES is not given, so the descriptors
    // that the child closes are its own.
    int child = clone(start_program, (char *)stack + size, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &program, &pidfd);
    int failure = child < 0 ? errno : program.error;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    munmap(stack, size);
    if (child < 0) return -failure;
    if (failure != 0) {
        siginfo_t info;
        while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | __WALL) < 0 && errno == EINTR) {
        }
        close(pidfd);
        return -failure;
    }
    *pid = child;
    return pidfd;
}

long clinux_kill_group(pid_t group) {
    return result(kill(-group, SIGKILL));
}

long clinux_reap_program(int pidfd) {
    siginfo_t info = {0};
    if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | __WALL) < 0) return -errno;
    if (info.si_pid == 0) return -EAGAIN;
    return info.si_code == CLD_EXITED ? info.si_status : 256 + info.si_status;
}

long clinux_pipe(int ends[2], int flags) {
    return result(pipe2(ends, flags | O_CLOEXEC));
}

long clinux_duplicate(int fd) {
    return result(fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

long clinux_eventfd(void) {
    return result(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

long clinux_poll(struct pollfd *descriptors, size_t count, int milliseconds) {
    return result(poll(descriptors, count, milliseconds));
}

// Copies this process with all signals blocked, which the child keeps: a signal for the whole process group neither ends
// its work halfway nor runs a handler of the parent's in a copy of its memory. No signal tells of its end, so nothing else
// in the process waits for it. In the child only system calls are safe.
static long copy_process(int *pidfd) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    struct clone_args args = {.flags = CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)pidfd};
    long pid = result(syscall(SYS_clone3, &args, sizeof args));
    if (pid != 0) pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pid;
}

// Keeps the given descriptors as 0, 1, ... and closes all others.
static int keep_only(int *descriptors, unsigned int count) {
    for (unsigned int index = 0; index < count; index++) {
        descriptors[index] = fcntl(descriptors[index], F_DUPFD, (int)count);
        if (descriptors[index] < 0) return -1;
    }
    for (unsigned int index = 0; index < count; index++) {
        if (dup2(descriptors[index], (int)index) < 0) return -1;
        descriptors[index] = (int)index;
    }
    return (int)syscall(SYS_close_range, count, ~0u, 0u);
}

static long milliseconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Writes what is dirty, until a round of it is short: what a freeze then still has to write is what came in meanwhile.
static int sync_mostly(int directory) {
    const int rounds = 3, quick = 200;
    for (int round = 0; round < rounds; round++) {
        long begun = milliseconds_now();
        if (syncfs(directory) < 0) return -1;
        if (milliseconds_now() - begun < quick) break;
    }
    return 0;
}

long clinux_spawn_freezer(int directory, int channel, int milliseconds) {
    int pidfd = -1;
    long pid = copy_process(&pidfd);
    if (pid != 0) return pid < 0 ? pid : pidfd;
    int kept[2] = {directory, channel};
    // Whoever kills the process group or the session of the driver must not kill this process with it.
    setsid();
    int error = 0;
    if (keep_only(kept, 2) < 0 || sync_mostly(kept[0]) < 0) error = errno;
    // Who no longer waits for this wants no freeze either.
    if (write(kept[1], &error, sizeof error) < 0 || error != 0) _exit(0);
    long deadline = milliseconds_now() + milliseconds;
    if (ioctl(kept[0], FIFREEZE, 0) < 0) error = errno;
    (void)!write(kept[1], &error, sizeof error);
    if (error != 0) _exit(0);
    error = ETIMEDOUT;
    for (;;) {
        struct pollfd waiting = {.fd = kept[1], .events = POLLIN};
        long left = deadline - milliseconds_now();
        int ready = poll(&waiting, 1, left > 0 ? (int)left : 0);
        if (ready < 0 && errno == EINTR) continue;
        char byte;
        if (ready > 0 && read(kept[1], &byte, 1) == 1) error = 0;
        break;
    }
    if (ioctl(kept[0], FITHAW, 0) < 0) error = errno;
    (void)!write(kept[1], &error, sizeof error);
    _exit(0);
}

long clinux_socket_pair(int ends[2]) {
    return result(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
}

long clinux_send(int socket, const void *bytes, size_t count) {
    return result(send(socket, bytes, count, MSG_NOSIGNAL));
}

long clinux_thaw(int directory) {
    return result(ioctl(directory, FITHAW, 0));
}

long clinux_trim(int directory, uint64_t *trimmed) {
    struct fstrim_range range = {.start = 0, .len = UINT64_MAX, .minlen = 0};
    long status = result(ioctl(directory, FITRIM, &range));
    *trimmed = range.len;
    return status;
}

long clinux_block_size(int device, uint64_t *size) {
    return result(ioctl(device, BLKGETSIZE64, size));
}

long clinux_fsopen(const char *type) {
    return result(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC));
}

long clinux_fsconfig_string(int context, const char *key, const char *value) {
    return result(syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, key, value, 0));
}

long clinux_fsconfig_flag(int context, const char *key) {
    return result(syscall(SYS_fsconfig, context, FSCONFIG_SET_FLAG, key, NULL, 0));
}

long clinux_fsmount(int context, unsigned int attributes) {
    return result(syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes));
}

// The first version of what XFS answers, part of its ABI since Linux 2.6; its header comes with no kernel package.
struct xfs_geometry {
    uint32_t blocksize, rtextsize, agblocks, agcount, logblocks, sectsize, inodesize, imaxpct;
    uint64_t datablocks, rtblocks, rtextents, logstart;
    unsigned char uuid[16];
    uint32_t sunit, swidth;
    int32_t version;
    uint32_t flags, logsectsize, rtsectsize, dirblocksize;
};

long clinux_xfs_size(int directory, uint64_t *blocks, uint32_t *block_size) {
    struct xfs_geometry geometry = {0};
    long status = result(ioctl(directory, _IOR('X', 100, struct xfs_geometry), &geometry));
    *blocks = geometry.datablocks;
    *block_size = geometry.blocksize;
    return status;
}

long clinux_btrfs_size(int directory, uint64_t *size, uint64_t *devices) {
    struct btrfs_ioctl_fs_info_args info = {0};
    struct btrfs_ioctl_dev_info_args device = {0};
    long status = result(ioctl(directory, BTRFS_IOC_FS_INFO, &info));
    if (status < 0) return status;
    *devices = info.num_devices;
    device.devid = info.max_id;
    status = result(ioctl(directory, BTRFS_IOC_DEV_INFO, &device));
    *size = device.total_bytes;
    return status;
}

long clinux_fsconfig_create(int context) {
    return result(syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
}

long clinux_private_mounts(void) {
    if (unshare(CLONE_NEWNS) < 0) return -errno;
    return result(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
}
