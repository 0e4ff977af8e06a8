// Quotas of directory trees and btrfs subvolumes: ioctls and quotactl_fd. As in CLinuxFS.h, every function makes one system
// call unless it says otherwise and returns its result, or minus the error number.
#pragma once
#include <linux/dqblk_xfs.h>
#include <linux/quota.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// The magic number of the file system that an open file lies on, as in <linux/magic.h>.
long clinux_file_system_type(int fd, int64_t *type);

// Project of a file, which its file system may count: the id, and whether what is created in a directory inherits it.
// Setting makes two calls, since the other attributes stay as they are.
long clinux_get_project(int fd, uint32_t *project, bool *inherits);
long clinux_set_project(int fd, uint32_t project, bool inherits);

// Which quotas of the file system count and which hold back: FS_QUOTA_PDQ_ACCT, FS_QUOTA_PDQ_ENFD.
long clinux_quota_flags(int fd, uint16_t *flags);
long clinux_get_project_quota(int fd, uint32_t project, struct if_dqblk *quota);
// The first project not below the given one that the file system has counted or limited.
long clinux_next_project_quota(int fd, uint32_t project, struct if_nextdqblk *quota);
// Sets the hard limits, in blocks of 1 KiB and in inodes; 0 is no limit.
long clinux_set_project_limits(int fd, uint32_t project, uint64_t blocks, uint64_t inodes);

// What is known of a btrfs subvolume that is open.
long clinux_subvolume_id(int fd, uint64_t *id);
long clinux_get_subvolume_flags(int fd, uint64_t *flags);
long clinux_set_subvolume_flags(int fd, uint64_t flags);
extern const uint64_t CLINUX_SUBVOLUME_READ_ONLY;
// The inode number of every subvolume's root.
extern const uint64_t CLINUX_SUBVOLUME_ROOT;

// Names in a directory; they must not hold a slash.
long clinux_create_subvolume(int directory, const char *name);
long clinux_create_snapshot(int directory, const char *name, int source, bool read_only);
long clinux_destroy_subvolume(int directory, const char *name);

// The state of quota groups on a btrfs file system: 0 when they are off. Searches the quota tree.
#define CLINUX_QGROUPS_ON 1
#define CLINUX_QGROUPS_RESCAN 2
#define CLINUX_QGROUPS_INCONSISTENT 4
long clinux_qgroup_flags(int fd, uint64_t *flags);
// What a subvolume refers to and may refer to, in bytes; a limit of 0 is none. -ENOENT for no group. Searches twice.
long clinux_get_qgroup(int fd, uint64_t subvolume, uint64_t *referenced, uint64_t *limit);
long clinux_set_qgroup_limit(int fd, uint64_t subvolume, uint64_t limit);
long clinux_remove_qgroup(int fd, uint64_t subvolume);
