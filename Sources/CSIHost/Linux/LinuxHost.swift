/// The machine that the process runs on.
///
/// Needs Linux 5.12 or later, `/proc`, and CAP_SYS_ADMIN for mounts; loop devices also need `/sys` and the machine's own
/// `/dev`. Every method does its work with blocking system calls on the calling thread: call it from a bounded blocking
/// executor.
public struct LinuxHost: Host {
    /// The mounts of the namespace that the process runs in.
    public let mounts: any MountControl

    /// The files that the process sees.
    public let files: any FileStore

    /// The programs of the system.
    public let programs: any Programs

    /// The file systems on the machine's devices.
    public let fileSystems: any FileSystems

    /// The machine's loop devices, as the process sees them in `/dev`.
    public let loops: any LoopDevices

    /// The machine's block devices, as the process sees them in `/dev`.
    public let devices: any BlockDevices

    /// What the kernel offers to this process.
    public let system: any SystemInspection

    /// Network file systems, by helper processes.
    public let network: any NetworkFileSystems

    /// The kernel's clocks.
    public let clock: any HostClock

    /// Creates the host; it holds no state but the helper processes for network file systems, of which there are none yet, and which
    /// file system each mount shows, which never changes.
    ///
    /// - Parameter network: how it works with network file systems.
    public init(network: NetworkFileSystemSettings = NetworkFileSystemSettings()) {
        mounts = LinuxMounts()
        files = LinuxFiles()
        let programs = LinuxPrograms()
        self.programs = programs
        fileSystems = LinuxFileSystems(programs: programs)
        loops = LinuxLoopDevices()
        devices = LinuxBlockDevices()
        system = LinuxSystem()
        self.network = LinuxNetworkFileSystems(network)
        clock = LinuxClock()
    }
}
