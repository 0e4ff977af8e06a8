/// Loop devices on Linux.
struct LinuxLoopDevices: LoopDevices {}
