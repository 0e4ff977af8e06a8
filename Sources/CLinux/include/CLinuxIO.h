// Sockets, threads and the allocator: what CSITransport needs and Swift cannot import.
#pragma once
#include <sys/types.h>

/// accept4(2) with SOCK_NONBLOCK | SOCK_CLOEXEC; the descriptor, or -errno.
int csi_accept(int listener);

/// The peer's credentials (SO_PEERCRED); 0, or -errno.
int csi_peer_credentials(int fd, pid_t *pid, uid_t *uid, gid_t *gid);

/// Opens `path` with O_PATH | O_NOFOLLOW | O_CLOEXEC; the descriptor, or -errno.
int csi_open_path(const char *path);

/// Names the calling thread (at most 15 bytes) for ps, top and gdb.
void csi_name_thread(const char *name);

/// Gives free memory back to the kernel (malloc_trim).
void csi_release_free_memory(void);
