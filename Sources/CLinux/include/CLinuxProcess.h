// Child processes: programs, and the few system calls that can hang and therefore happen in a process of their own.
//
// Functions return what CLinuxFS.h says: a value, or minus the error number.
#pragma once
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Starts a program in a session of its own with three descriptors as its standard input, output and error, no other
// descriptor, default signals, and `directory` / as its working directory. It is killed when the calling *thread* ends, so
// the thread has to wait for it. `*pid` is its number, which is also its process group's, and stays taken until it is
// collected with clinux_reap_program. `kept` becomes its descriptor 3, for a lock that is to last as long as it does; -1 for none.
// Returns its pidfd, or minus the error number of whatever failed, execve included.
long clinux_spawn_program(const char *path, char *const argv[], char *const envp[], int input, int output, int error,
                          int kept, pid_t *pid);

// Kills all processes of a group; -ESRCH when none is left.
long clinux_kill_group(pid_t group);

// Collects an ended program: its exit status from 0 to 255, 256 plus the number of the signal that ended it, -EAGAIN
// while it runs.
long clinux_reap_program(int pidfd);

// Creates a pipe, both ends close-on-exec, `flags` from pipe2.
long clinux_pipe(int ends[2], int flags);

// Creates an eventfd that polls readable after one write of 8 bytes.
long clinux_eventfd(void);

// Another descriptor of the same open file, close-on-exec.
long clinux_duplicate(int fd);

long clinux_poll(struct pollfd *descriptors, size_t count, int milliseconds);

// Freezes a file system from a child process that thaws it when a byte arrives in `channel`, when the other end of `channel`
// closes (because its holder died), or `milliseconds` after it began to freeze, whichever comes first. `channel` is one end of a
// socket pair whose other end only the caller has. The child first has syncfs write what is dirty, while writers go on, and writes
// 4 bytes, its error number, when that is done; if that is 0 and the other end is still open, 4 bytes when FIFREEZE has returned, its
// error number, and if that is 0, 4 bytes when it has thawed: 0 when it was told to, ETIMEDOUT when it did so by itself, FITHAW's
// error number otherwise. The child keeps nothing open but `directory` and `channel`. Returns its pidfd; see clinux_reap.
long clinux_spawn_freezer(int directory, int channel, int milliseconds);

// Creates a pair of connected stream sockets, close-on-exec.
long clinux_socket_pair(int ends[2]);

// Sends to a socket without a signal when its other end is closed.
long clinux_send(int socket, const void *bytes, size_t count);

// FITHAW, FITRIM of everything (`*trimmed` in bytes), BLKGETSIZE64.
long clinux_thaw(int directory);
long clinux_trim(int directory, uint64_t *trimmed);
long clinux_block_size(int device, uint64_t *size);

// The new mount API; see fsopen(2).
long clinux_fsopen(const char *type);
long clinux_fsconfig_string(int context, const char *key, const char *value);
long clinux_fsconfig_flag(int context, const char *key);
long clinux_fsmount(int context, unsigned int attributes);

// How large mounted file systems are: XFS in blocks; Btrfs, of its last device, in bytes, in two system calls.
long clinux_xfs_size(int directory, uint64_t *blocks, uint32_t *block_size);
long clinux_btrfs_size(int directory, uint64_t *size, uint64_t *devices);

// FSCONFIG_CMD_CREATE in this process, which may hang.
long clinux_fsconfig_create(int context);

// Gives this process mounts of its own: what it mounts is seen by nobody else and gone with it.
long clinux_private_mounts(void);
