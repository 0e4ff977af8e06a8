// What a file has beyond its content, and names that are not files: attributes, times, links, special files. As in
// CLinuxFS.h, every function makes one system call and returns its result, or minus the error number.
#pragma once
#include <linux/stat.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

extern const uint64_t CLINUX_O_NOATIME;

long clinux_flistxattr(int fd, char *names, size_t room);
long clinux_fgetxattr(int fd, const char *name, void *value, size_t room);
long clinux_fsetxattr(int fd, const char *name, const void *value, size_t count);
long clinux_fremovexattr(int fd, const char *name);

// The same for what a path names, the last component not followed.
long clinux_llistxattr(const char *path, char *names, size_t room);
long clinux_lgetxattr(const char *path, const char *name, void *value, size_t room);
long clinux_lsetxattr(const char *path, const char *name, const void *value, size_t count);

// Sets the times of an open file, or of a name in a directory, the last component not followed.
long clinux_set_times(int fd, const struct statx_timestamp *accessed, const struct statx_timestamp *modified);
long clinux_set_times_at(int dirfd, const char *name, const struct statx_timestamp *accessed,
                         const struct statx_timestamp *modified);

// Gives the file that a name in one directory stands for, itself and not what it may lead to, a name in another one.
long clinux_linkat(int from_dirfd, const char *from, int to_dirfd, const char *to);
long clinux_symlinkat(const char *target, int dirfd, const char *name);
long clinux_mknodat(int dirfd, const char *name, mode_t mode, uint32_t device_major, uint32_t device_minor);

// Makes everything on the file system of an open file durable, and reports what failed since the file was opened.
long clinux_syncfs(int fd);
