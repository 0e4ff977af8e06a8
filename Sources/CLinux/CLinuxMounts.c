#define _GNU_SOURCE
#include "CLinuxMounts.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

// Calls that arrived after Linux 4.x have one number on all architectures that Swift runs on.
#ifndef SYS_statmount
#define SYS_statmount 457
#endif
#ifndef SYS_listmount
#define SYS_listmount 458
#endif

const unsigned int CLINUX_STATX_MNT_ID_UNIQUE = 0x4000;
const uint64_t CLINUX_STATMOUNT_SUPER = 0x1;
// What the file system and the mount are, its root, its type.
const uint64_t CLINUX_STATMOUNT_ENTRY = 0x1 | 0x2 | 0x8 | 0x20;
const uint64_t CLINUX_STATMOUNT_ROOT = 0x8;
const uint64_t CLINUX_STATMOUNT_PLACE = 0x10;
const uint64_t CLINUX_STATMOUNT_OPTIONS = 0x80;
const uint64_t CLINUX_STATMOUNT_SUBTYPE = 0x100;
const uint64_t CLINUX_STATMOUNT_SOURCE = 0x200;

// The first version of the kernel's struct mnt_id_req, which every kernel with the calls takes.
struct request {
    uint32_t size;
    uint32_t spare;
    uint64_t id;
    uint64_t parameter;
};

static long result(long value) {
    return value < 0 ? -errno : value;
}

long clinux_statmount(uint64_t id, uint64_t mask, void *buffer, size_t size) {
    struct request request = {.size = sizeof request, .id = id, .parameter = mask};
    return result(syscall(SYS_statmount, &request, buffer, size, 0));
}

long clinux_listmount(uint64_t top, uint64_t last, uint64_t *ids, size_t count) {
    struct request request = {.size = sizeof request, .id = top, .parameter = last};
    return result(syscall(SYS_listmount, &request, ids, count, 0));
}
