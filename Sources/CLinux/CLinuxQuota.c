#define _GNU_SOURCE
#include "CLinuxQuota.h"

#include <endian.h>
#include <errno.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef SYS_quotactl_fd
#define SYS_quotactl_fd 443
#endif

const uint64_t CLINUX_SUBVOLUME_READ_ONLY = BTRFS_SUBVOL_RDONLY;
const uint64_t CLINUX_SUBVOLUME_ROOT = BTRFS_FIRST_FREE_OBJECTID;

static long result(long value) {
    return value < 0 ? -errno : value;
}

long clinux_file_system_type(int fd, int64_t *type) {
    struct statfs status;
    long value = result(fstatfs(fd, &status));
    if (value >= 0) *type = (int64_t)status.f_type;
    return value;
}

long clinux_get_project(int fd, uint32_t *project, bool *inherits) {
    struct fsxattr attributes = {0};
    long value = result(ioctl(fd, FS_IOC_FSGETXATTR, &attributes));
    if (value < 0) return value;
    *project = attributes.fsx_projid;
    *inherits = (attributes.fsx_xflags & FS_XFLAG_PROJINHERIT) != 0;
    return value;
}

long clinux_set_project(int fd, uint32_t project, bool inherits) {
    struct fsxattr attributes = {0};
    long value = result(ioctl(fd, FS_IOC_FSGETXATTR, &attributes));
    if (value < 0) return value;
    attributes.fsx_projid = project;
    if (inherits) {
        attributes.fsx_xflags |= FS_XFLAG_PROJINHERIT;
    } else {
        attributes.fsx_xflags &= ~(uint32_t)FS_XFLAG_PROJINHERIT;
    }
    return result(ioctl(fd, FS_IOC_FSSETXATTR, &attributes));
}

static long project_quota(int fd, unsigned int command, uint32_t project, void *argument) {
    return result(syscall(SYS_quotactl_fd, fd, QCMD(command, PRJQUOTA), project, argument));
}

long clinux_quota_flags(int fd, uint16_t *flags) {
    struct fs_quota_statv state = {.qs_version = FS_QSTATV_VERSION1};
    long value = project_quota(fd, Q_XGETQSTATV, 0, &state);
    *flags = value < 0 ? 0 : state.qs_flags;
    return value;
}

long clinux_get_project_quota(int fd, uint32_t project, struct if_dqblk *quota) {
    return project_quota(fd, Q_GETQUOTA, project, quota);
}

long clinux_next_project_quota(int fd, uint32_t project, struct if_nextdqblk *quota) {
    return project_quota(fd, Q_GETNEXTQUOTA, project, quota);
}

long clinux_set_project_limits(int fd, uint32_t project, uint64_t blocks, uint64_t inodes) {
    struct if_dqblk quota = {.dqb_bhardlimit = blocks, .dqb_ihardlimit = inodes, .dqb_valid = QIF_LIMITS};
    return project_quota(fd, Q_SETQUOTA, project, &quota);
}

long clinux_subvolume_id(int fd, uint64_t *id) {
    struct btrfs_ioctl_ino_lookup_args arguments = {.treeid = 0, .objectid = BTRFS_FIRST_FREE_OBJECTID};
    long value = result(ioctl(fd, BTRFS_IOC_INO_LOOKUP, &arguments));
    if (value >= 0) *id = arguments.treeid;
    return value;
}

long clinux_get_subvolume_flags(int fd, uint64_t *flags) {
    __u64 word = 0;
    long value = result(ioctl(fd, BTRFS_IOC_SUBVOL_GETFLAGS, &word));
    if (value >= 0) *flags = word;
    return value;
}

long clinux_set_subvolume_flags(int fd, uint64_t flags) {
    __u64 word = flags;
    return result(ioctl(fd, BTRFS_IOC_SUBVOL_SETFLAGS, &word));
}

long clinux_create_subvolume(int directory, const char *name) {
    struct btrfs_ioctl_vol_args arguments = {0};
    if (strlen(name) >= sizeof arguments.name) return -ENAMETOOLONG;
    strcpy(arguments.name, name);
    return result(ioctl(directory, BTRFS_IOC_SUBVOL_CREATE, &arguments));
}

long clinux_create_snapshot(int directory, const char *name, int source, bool read_only) {
    struct btrfs_ioctl_vol_args_v2 arguments = {.fd = source, .flags = read_only ? BTRFS_SUBVOL_RDONLY : 0};
    if (strlen(name) >= sizeof arguments.name) return -ENAMETOOLONG;
    strcpy(arguments.name, name);
    return result(ioctl(directory, BTRFS_IOC_SNAP_CREATE_V2, &arguments));
}

long clinux_destroy_subvolume(int directory, const char *name) {
    struct btrfs_ioctl_vol_args arguments = {0};
    if (strlen(name) >= sizeof arguments.name) return -ENAMETOOLONG;
    strcpy(arguments.name, name);
    return result(ioctl(directory, BTRFS_IOC_SNAP_DESTROY, &arguments));
}

// Reads the item of the quota tree with exactly this key into `item`; -ENOENT when there is none.
static long quota_item(int fd, uint64_t type, uint64_t offset, void *item, size_t size) {
    struct btrfs_ioctl_search_args arguments = {.key = {
        .tree_id = BTRFS_QUOTA_TREE_OBJECTID, .min_type = (uint32_t)type, .max_type = (uint32_t)type,
        .min_offset = offset, .max_offset = offset, .max_transid = UINT64_MAX, .nr_items = 1}};
    long value = result(ioctl(fd, BTRFS_IOC_TREE_SEARCH, &arguments));
    if (value < 0) return value;
    struct btrfs_ioctl_search_header header;
    memcpy(&header, arguments.buf, sizeof header);
    if (arguments.key.nr_items == 0 || header.type != type || header.offset != offset) return -ENOENT;
    if (header.len < size || header.len > sizeof arguments.buf - sizeof header) return -EIO;
    memcpy(item, arguments.buf + sizeof header, size);
    return 0;
}

long clinux_qgroup_flags(int fd, uint64_t *flags) {
    struct btrfs_qgroup_status_item status;
    long value = quota_item(fd, BTRFS_QGROUP_STATUS_KEY, 0, &status, offsetof(struct btrfs_qgroup_status_item, rescan));
    if (value == -ENOENT) {
        *flags = 0;
        return 0;
    }
    if (value >= 0) *flags = le64toh(status.flags);
    return value;
}

long clinux_get_qgroup(int fd, uint64_t subvolume, uint64_t *referenced, uint64_t *limit) {
    struct btrfs_qgroup_info_item info;
    long value = quota_item(fd, BTRFS_QGROUP_INFO_KEY, subvolume, &info, sizeof info);
    if (value < 0) return value;
    *referenced = le64toh(info.rfer);
    struct btrfs_qgroup_limit_item limits;
    value = quota_item(fd, BTRFS_QGROUP_LIMIT_KEY, subvolume, &limits, sizeof limits);
    if (value < 0) return value;
    *limit = (le64toh(limits.flags) & BTRFS_QGROUP_LIMIT_MAX_RFER) != 0 ? le64toh(limits.max_rfer) : 0;
    return 0;
}

long clinux_set_qgroup_limit(int fd, uint64_t subvolume, uint64_t limit) {
    // All ones takes a limit away.
    struct btrfs_ioctl_qgroup_limit_args arguments = {.qgroupid = subvolume, .lim = {
        .flags = BTRFS_QGROUP_LIMIT_MAX_RFER, .max_rfer = limit == 0 ? UINT64_MAX : limit}};
    return result(ioctl(fd, BTRFS_IOC_QGROUP_LIMIT, &arguments));
}

long clinux_remove_qgroup(int fd, uint64_t subvolume) {
    struct btrfs_ioctl_qgroup_create_args arguments = {.create = 0, .qgroupid = subvolume};
    return result(ioctl(fd, BTRFS_IOC_QGROUP_CREATE, &arguments));
}
