/// Block devices on Linux.
struct LinuxBlockDevices: BlockDevices {}
