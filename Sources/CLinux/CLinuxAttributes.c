#define _GNU_SOURCE
#include "CLinuxAttributes.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

const uint64_t CLINUX_O_NOATIME = O_NOATIME;

static long result(long value) {
    return value < 0 ? -errno : value;
}

long clinux_flistxattr(int fd, char *names, size_t room) {
    return result(flistxattr(fd, names, room));
}

long clinux_fgetxattr(int fd, const char *name, void *value, size_t room) {
    return result(fgetxattr(fd, name, value, room));
}

long clinux_fsetxattr(int fd, const char *name, const void *value, size_t count) {
    return result(fsetxattr(fd, name, value, count, 0));
}

long clinux_fremovexattr(int fd, const char *name) {
    return result(fremovexattr(fd, name));
}

long clinux_llistxattr(const char *path, char *names, size_t room) {
    return result(llistxattr(path, names, room));
}

long clinux_lgetxattr(const char *path, const char *name, void *value, size_t room) {
    return result(lgetxattr(path, name, value, room));
}

long clinux_lsetxattr(const char *path, const char *name, const void *value, size_t count) {
    return result(lsetxattr(path, name, value, count, 0));
}

static struct timespec timespec_of(const struct statx_timestamp *time) {
    return (struct timespec){.tv_sec = time->tv_sec, .tv_nsec = time->tv_nsec};
}

long clinux_set_times(int fd, const struct statx_timestamp *accessed, const struct statx_timestamp *modified) {
    struct timespec times[2] = {timespec_of(accessed), timespec_of(modified)};
    return result(futimens(fd, times));
}

long clinux_set_times_at(int dirfd, const char *name, const struct statx_timestamp *accessed,
                         const struct statx_timestamp *modified) {
    struct timespec times[2] = {timespec_of(accessed), timespec_of(modified)};
    return result(utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW));
}

long clinux_linkat(int from_dirfd, const char *from, int to_dirfd, const char *to) {
    return result(linkat(from_dirfd, from, to_dirfd, to, 0));
}

long clinux_symlinkat(const char *target, int dirfd, const char *name) {
    return result(symlinkat(target, dirfd, name));
}

long clinux_mknodat(int dirfd, const char *name, mode_t mode, uint32_t device_major, uint32_t device_minor) {
    return result(mknodat(dirfd, name, mode, makedev(device_major, device_minor)));
}

long clinux_syncfs(int fd) {
    return result(syncfs(fd));
}
