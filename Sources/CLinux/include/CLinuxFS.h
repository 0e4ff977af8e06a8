// File and mount system calls that Swift cannot import: variadic, _GNU_SOURCE, or newer than the C library a binary may
// meet, for which syscall() is used so that no versioned symbol is needed at start.
//
// Every function makes exactly one system call unless it says otherwise and returns its result, or minus the error
// number: the caller never reads errno, which other code on the same thread may overwrite first.
#pragma once
#include <linux/openat2.h>
#include <linux/stat.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/types.h>

// Flags whose values depend on the architecture or need _GNU_SOURCE.
extern const uint64_t CLINUX_O_PATH;
extern const uint64_t CLINUX_O_READ_DIRECTORY;
extern const uint64_t CLINUX_O_READ;
extern const uint64_t CLINUX_O_CREATE_OVER;
extern const uint64_t CLINUX_O_CREATE_NEW;
extern const uint64_t CLINUX_O_CREATE;
extern const uint64_t CLINUX_O_NOFOLLOW;
extern const uint64_t CLINUX_O_DIRECTORY;
extern const uint64_t CLINUX_ST_NODEV;
extern const int CLINUX_AT_FDCWD;
extern const int CLINUX_AT_EMPTY_PATH;
extern const int CLINUX_AT_SYMLINK_NOFOLLOW;
extern const int CLINUX_AT_REMOVEDIR;
extern const int CLINUX_AT_STATX_DONT_SYNC;
extern const unsigned int CLINUX_RENAME_NOREPLACE;
extern const unsigned int CLINUX_OPEN_TREE_CLONE;
extern const unsigned int CLINUX_MOVE_MOUNT_EMPTY_PATHS;

long clinux_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);
long clinux_close(int fd);
long clinux_statx(int dirfd, const char *path, int flags, unsigned int mask, struct statx *result);
long clinux_fstatvfs(int fd, struct statvfs *result);
long clinux_read(int fd, void *buffer, size_t count);
long clinux_write(int fd, const void *buffer, size_t count);
long clinux_rewind(int fd);
long clinux_fsync(int fd);
long clinux_getdents64(int fd, void *buffer, size_t count);
long clinux_readlinkat(int dirfd, const char *path, char *buffer, size_t count);
long clinux_mkdirat(int dirfd, const char *path, mode_t mode);
long clinux_unlinkat(int dirfd, const char *path, int flags);
long clinux_renameat2(int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned int flags);
long clinux_fchmod(int fd, mode_t mode);
long clinux_chmod(const char *path, mode_t mode);
long clinux_fchownat(int dirfd, const char *path, uid_t owner, gid_t group, int flags);
long clinux_try_lock(int fd);
long clinux_unlock(int fd);
long clinux_getrandom(void *buffer, size_t count);
long clinux_sleep_milliseconds(int milliseconds);

long clinux_open_tree(int dirfd, const char *path, unsigned int flags);
long clinux_mount_setattr(int dirfd, const char *path, unsigned int flags, uint64_t set, uint64_t clear,
                          uint64_t propagation);
long clinux_move_mount(int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned int flags);
long clinux_umount2(const char *path, int flags);

// Waits until the process behind a pidfd has ended: 1 when it has, 0 when the time was over first.
long clinux_wait_for_exit(int pidfd, int milliseconds);

// Collects an ended process: its exit status, -ECHILD when it has been collected, -EAGAIN while it runs, and -EINTR when
// a signal ended it.
long clinux_reap(int pidfd);

// Kills the process behind a pidfd.
long clinux_kill(int pidfd);
