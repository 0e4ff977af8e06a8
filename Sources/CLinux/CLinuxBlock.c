#define _GNU_SOURCE
#include "CLinuxBlock.h"
#include "CLinuxFS.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifndef BLKGETDISKSEQ
#define BLKGETDISKSEQ _IOR(0x12, 128, __u64)
#endif

const uint64_t CLINUX_O_READ_WRITE = O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
// On a block device, O_EXCL without O_CREAT asks to be its only exclusive user.
const uint64_t CLINUX_O_EXCLUSIVE_DEVICE = O_RDONLY | O_EXCL | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
const uint64_t CLINUX_O_DIRECT = O_DIRECT;
const int CLINUX_SEEK_DATA = SEEK_DATA;
const int CLINUX_SEEK_HOLE = SEEK_HOLE;

static long result(long value) {
    return value < 0 ? -errno : value;
}

long clinux_loop_get_free(int control) {
    return result(ioctl(control, LOOP_CTL_GET_FREE));
}

long clinux_loop_remove(int control, int number) {
    return result(ioctl(control, LOOP_CTL_REMOVE, (long)number));
}

long clinux_loop_configure(int device, const struct loop_config *config) {
    return result(ioctl(device, LOOP_CONFIGURE, config));
}

long clinux_loop_get_status(int device, struct loop_info64 *status) {
    return result(ioctl(device, LOOP_GET_STATUS64, status));
}

long clinux_loop_set_capacity(int device) {
    return result(ioctl(device, LOOP_SET_CAPACITY));
}

long clinux_loop_clear(int device) {
    return result(ioctl(device, LOOP_CLR_FD));
}

long clinux_loop_set_direct_io(int device, int direct) {
    return result(ioctl(device, LOOP_SET_DIRECT_IO, (unsigned long)direct));
}

long clinux_block_get_size(int device, uint64_t *bytes) {
    return result(ioctl(device, BLKGETSIZE64, bytes));
}

long clinux_block_get_sector_size(int device, int *bytes) {
    return result(ioctl(device, BLKSSZGET, bytes));
}

long clinux_block_set_read_only(int device, int read_only) {
    return result(ioctl(device, BLKROSET, &read_only));
}

long clinux_block_set_read_ahead(int device, unsigned long sectors) {
    return result(ioctl(device, BLKRASET, sectors));
}

long clinux_block_get_read_ahead(int device, long *sectors) {
    return result(ioctl(device, BLKRAGET, sectors));
}

long clinux_block_get_disk_sequence(int device, uint64_t *number) {
    return result(ioctl(device, BLKGETDISKSEQ, number));
}

long clinux_try_shared_lock(int fd) {
    return result(flock(fd, LOCK_SH | LOCK_NB));
}

long clinux_ftruncate(int fd, int64_t size) {
    return result(ftruncate(fd, size));
}

long clinux_allocate(int fd, int64_t offset, int64_t length) {
    return result(fallocate(fd, 0, offset, length));
}

long clinux_is_unopened(int fd) {
    // Whoever opens the file in this moment breaks the lease, and the signal of that must not end the process.
    if (fcntl(fd, F_SETSIG, SIGURG) < 0) return -errno;
    if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0) return errno == EAGAIN || errno == EBUSY ? 0 : -errno;
    return fcntl(fd, F_SETLEASE, F_UNLCK) < 0 ? -errno : 1;
}

long clinux_punch_hole(int fd, int64_t offset, int64_t length) {
    return result(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length));
}

long clinux_clone_file(int destination, int source) {
    return result(ioctl(destination, FICLONE, source));
}

long clinux_copy_file_range(int source, int destination, int64_t offset, size_t count) {
    off_t from = offset, to = offset;
    return result(copy_file_range(source, &from, destination, &to, count, 0));
}

long clinux_lseek(int fd, int64_t offset, int whence) {
    return result(lseek(fd, offset, whence));
}

long clinux_pread(int fd, void *buffer, size_t count, int64_t offset) {
    return result(pread(fd, buffer, count, offset));
}

long clinux_pwrite(int fd, const void *buffer, size_t count, int64_t offset) {
    return result(pwrite(fd, buffer, count, offset));
}

long clinux_advise_sequential(int fd) {
    return -posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
}

long clinux_advise_needed(int fd, int64_t offset, int64_t length) {
    return -posix_fadvise(fd, offset, length, POSIX_FADV_WILLNEED);
}

long clinux_advise_unneeded(int fd) {
    return -posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

long clinux_start_writing(int fd, int64_t offset, int64_t length) {
    return result(sync_file_range(fd, offset, length, SYNC_FILE_RANGE_WRITE));
}

long clinux_write_out(int fd) {
    return result(sync_file_range(fd, 0, 0,
                                  SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER));
}

long clinux_poll_readable(int fd, int milliseconds) {
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return result(poll(&poll_fd, 1, milliseconds));
}
