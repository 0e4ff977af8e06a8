#define _GNU_SOURCE
#include "CLinuxFS.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Calls that arrived after Linux 4.x have one number on all architectures that Swift runs on.
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

const uint64_t CLINUX_O_PATH = O_PATH | O_CLOEXEC;
const uint64_t CLINUX_O_READ_DIRECTORY = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
const uint64_t CLINUX_O_READ = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
const uint64_t CLINUX_O_CREATE_OVER = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
const uint64_t CLINUX_O_CREATE_NEW = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
const uint64_t CLINUX_O_CREATE = O_RDWR | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
const uint64_t CLINUX_O_NOFOLLOW = O_NOFOLLOW;
const uint64_t CLINUX_O_DIRECTORY = O_DIRECTORY;
const uint64_t CLINUX_ST_NODEV = ST_NODEV;
const int CLINUX_AT_FDCWD = AT_FDCWD;
const int CLINUX_AT_EMPTY_PATH = AT_EMPTY_PATH;
const int CLINUX_AT_SYMLINK_NOFOLLOW = AT_SYMLINK_NOFOLLOW;
const int CLINUX_AT_REMOVEDIR = AT_REMOVEDIR;
const int CLINUX_AT_STATX_DONT_SYNC = AT_STATX_DONT_SYNC;
const unsigned int CLINUX_RENAME_NOREPLACE = RENAME_NOREPLACE;
const unsigned int CLINUX_OPEN_TREE_CLONE = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
const unsigned int CLINUX_MOVE_MOUNT_EMPTY_PATHS = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;

static long result(long value) {
    return value < 0 ? -errno : value;
}

long clinux_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
    return result(syscall(SYS_openat2, dirfd, path, &how, sizeof how));
}

long clinux_close(int fd) {
    return result(close(fd));
}

long clinux_statx(int dirfd, const char *path, int flags, unsigned int mask, struct statx *value) {
    return result(syscall(SYS_statx, dirfd, path, flags, mask, value));
}

long clinux_fstatvfs(int fd, struct statvfs *value) {
    return result(fstatvfs(fd, value));
}

long clinux_read(int fd, void *buffer, size_t count) {
    return result(read(fd, buffer, count));
}

long clinux_write(int fd, const void *buffer, size_t count) {
    return result(write(fd, buffer, count));
}

long clinux_rewind(int fd) {
    return result(lseek(fd, 0, SEEK_SET));
}

long clinux_fsync(int fd) {
    return result(fsync(fd));
}

long clinux_getdents64(int fd, void *buffer, size_t count) {
    return result(syscall(SYS_getdents64, fd, buffer, count));
}

long clinux_readlinkat(int dirfd, const char *path, char *buffer, size_t count) {
    return result(readlinkat(dirfd, path, buffer, count));
}

long clinux_mkdirat(int dirfd, const char *path, mode_t mode) {
    return result(mkdirat(dirfd, path, mode));
}

long clinux_unlinkat(int dirfd, const char *path, int flags) {
    return result(unlinkat(dirfd, path, flags));
}

long clinux_renameat2(int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned int flags) {
    return result(syscall(SYS_renameat2, from_dirfd, from, to_dirfd, to, flags));
}

long clinux_fchmod(int fd, mode_t mode) {
    return result(fchmod(fd, mode));
}

long clinux_chmod(const char *path, mode_t mode) {
    return result(chmod(path, mode));
}

long clinux_fchownat(int dirfd, const char *path, uid_t owner, gid_t group, int flags) {
    return result(fchownat(dirfd, path, owner, group, flags));
}

long clinux_try_lock(int fd) {
    return result(flock(fd, LOCK_EX | LOCK_NB));
}

long clinux_unlock(int fd) {
    return result(flock(fd, LOCK_UN));
}

long clinux_getrandom(void *buffer, size_t count) {
    return result(syscall(SYS_getrandom, buffer, count, 0));
}

long clinux_sleep_milliseconds(int milliseconds) {
    struct timespec time = {.tv_sec = milliseconds / 1000, .tv_nsec = (milliseconds % 1000) * 1000000L};
    return result(nanosleep(&time, NULL));
}

long clinux_open_tree(int dirfd, const char *path, unsigned int flags) {
    return result(syscall(SYS_open_tree, dirfd, path, flags));
}

long clinux_mount_setattr(int dirfd, const char *path, unsigned int flags, uint64_t set, uint64_t clear,
                          uint64_t propagation) {
    struct mount_attr attr = {.attr_set = set, .attr_clr = clear, .propagation = propagation};
    return result(syscall(SYS_mount_setattr, dirfd, path, flags, &attr, sizeof attr));
}

long clinux_move_mount(int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned int flags) {
    return result(syscall(SYS_move_mount, from_dirfd, from, to_dirfd, to, flags));
}

long clinux_umount2(const char *path, int flags) {
    return result(umount2(path, flags));
}

long clinux_wait_for_exit(int pidfd, int milliseconds) {
    struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
    return result(poll(&poll_fd, 1, milliseconds));
}

long clinux_reap(int pidfd) {
    siginfo_t info = {0};
    if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | __WALL) < 0) return -errno;
    if (info.si_pid == 0) return -EAGAIN;
    return info.si_code == CLD_EXITED ? info.si_status : -EINTR;
}

long clinux_kill(int pidfd) {
    return result(syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0));
}
