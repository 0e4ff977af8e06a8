// Child processes that make one system call which may never return.
//
// Functions return what CLinuxFS.h says: a value, or minus the error number.
#pragma once
#include <stdint.h>

// A child that shares this process's memory, so that starting it copies nothing, and works on a stack of its own. It keeps no
// other descriptor than it needs, hears no signal but SIGKILL, sends none when it ends, and ends with the error number of its
// system call as its status: nothing in this process waits for it implicitly, and a call that hangs can be left behind.
struct clinux_child {
    int pidfd;
    // To be released when the child has been collected with clinux_reap, not before.
    void *stack;
};

// Unmounts `name` in the directory `dirfd`; a link is not followed.
long clinux_start_umount(int dirfd, const char *name, int flags, struct clinux_child *child);

// FSCONFIG_CMD_CREATE of a file system context, which reads a superblock and replays a journal.
long clinux_start_fsconfig_create(int context, struct clinux_child *child);

// Reads 4096 bytes at an offset, a multiple of 4096, and throws them away.
long clinux_start_read(int fd, int64_t offset, struct clinux_child *child);

void clinux_release_stack(void *stack);
