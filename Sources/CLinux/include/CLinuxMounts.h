// Questions about single mounts: statmount and listmount of Linux 6.8, which the headers of the build machine may not know yet.
//
// Every function makes exactly one system call and returns its result, or minus the error number.
#pragma once
#include <stddef.h>
#include <stdint.h>

// What the kernel answers; the strings follow it, and the fields that name one hold its offset from the end of this struct.
struct clinux_statmount {
    uint32_t size;
    uint32_t options;
    uint64_t mask;
    uint32_t device_major;
    uint32_t device_minor;
    uint64_t magic;
    uint32_t super_flags;
    uint32_t type;
    uint64_t id;
    uint64_t parent;
    uint32_t old_id;
    uint32_t old_parent;
    uint64_t attributes;
    uint64_t propagation;
    uint64_t peer_group;
    uint64_t master;
    uint64_t propagates_from;
    uint32_t root;
    uint32_t mount_point;
    uint64_t mount_namespace;
    uint32_t subtype;
    uint32_t source;
    uint64_t reserved[48];
};

_Static_assert(sizeof(struct clinux_statmount) == 512, "the strings begin after 512 bytes");

extern const unsigned int CLINUX_STATX_MNT_ID_UNIQUE;
extern const uint64_t CLINUX_STATMOUNT_SUPER;
extern const uint64_t CLINUX_STATMOUNT_ENTRY;
extern const uint64_t CLINUX_STATMOUNT_ROOT;
extern const uint64_t CLINUX_STATMOUNT_PLACE;
extern const uint64_t CLINUX_STATMOUNT_OPTIONS;
extern const uint64_t CLINUX_STATMOUNT_SUBTYPE;
extern const uint64_t CLINUX_STATMOUNT_SOURCE;

// Describes a mount of the namespace by its unique number.
long clinux_statmount(uint64_t id, uint64_t mask, void *buffer, size_t size);

// The unique numbers of the mounts below `top` that the process can reach, in ascending order, beginning after `last`; all of the
// namespace where `top` has all bits set.
long clinux_listmount(uint64_t top, uint64_t last, uint64_t *ids, size_t count);
