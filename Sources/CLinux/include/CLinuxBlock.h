// Block devices, loop devices and large files: ioctls (variadic) and what needs _GNU_SOURCE. As in CLinuxFS.h, every
// function makes one system call and returns its result, or minus the error number.
#pragma once
#include <linux/loop.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

extern const uint64_t CLINUX_O_READ_WRITE;
extern const uint64_t CLINUX_O_EXCLUSIVE_DEVICE;
extern const uint64_t CLINUX_O_DIRECT;
extern const int CLINUX_SEEK_DATA;
extern const int CLINUX_SEEK_HOLE;

// LOOP_CTL_GET_FREE on /dev/loop-control: the number of a device that was free a moment ago.
long clinux_loop_get_free(int control);
// LOOP_CTL_REMOVE on /dev/loop-control; -EBUSY for a device that is open or shows a file.
long clinux_loop_remove(int control, int number);
long clinux_loop_configure(int device, const struct loop_config *config);
long clinux_loop_get_status(int device, struct loop_info64 *status);
long clinux_loop_set_capacity(int device);
long clinux_loop_clear(int device);
long clinux_loop_set_direct_io(int device, int direct);

long clinux_block_get_size(int device, uint64_t *bytes);
long clinux_block_get_sector_size(int device, int *bytes);
long clinux_block_set_read_only(int device, int read_only);
// Read-ahead in sectors of 512 bytes, whatever the device's own sectors are.
long clinux_block_set_read_ahead(int device, unsigned long sectors);
long clinux_block_get_read_ahead(int device, long *sectors);
long clinux_block_get_disk_sequence(int device, uint64_t *number);

long clinux_try_shared_lock(int fd);
long clinux_ftruncate(int fd, int64_t size);
long clinux_allocate(int fd, int64_t offset, int64_t length);
// Whether nobody else has the file open: 1 or 0. It asks with a lease, which is given back at once.
long clinux_is_unopened(int fd);
long clinux_punch_hole(int fd, int64_t offset, int64_t length);
long clinux_clone_file(int destination, int source);
long clinux_copy_file_range(int source, int destination, int64_t offset, size_t count);
long clinux_lseek(int fd, int64_t offset, int whence);
long clinux_pread(int fd, void *buffer, size_t count, int64_t offset);
long clinux_pwrite(int fd, const void *buffer, size_t count, int64_t offset);
long clinux_advise_sequential(int fd);
// Starts reading a part of a file into the page cache, and does not wait for it.
long clinux_advise_needed(int fd, int64_t offset, int64_t length);
// Drops what the page cache has of a file and is on the disk.
long clinux_advise_unneeded(int fd);
// Starts writing a part of a file to the disk, and does not wait for it.
long clinux_start_writing(int fd, int64_t offset, int64_t length);
// Writes a whole file to the disk and waits for it; that alone makes nothing durable.
long clinux_write_out(int fd);
long clinux_poll_readable(int fd, int milliseconds);
