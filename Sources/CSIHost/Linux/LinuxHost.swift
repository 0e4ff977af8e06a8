/// The machine that the process runs on.
///
/// Needs Linux 5.12 or later, `/proc`, and CAP_SYS_ADMIN for mounts. Every method does its work with blocking system calls
/// on the calling thread: call it from a bounded blocking executor.
public struct LinuxHost: Host {
    /// The mounts of the namespace that the process runs in.
    public let mounts: any MountControl

    /// The files that the process sees.
    public let files: any FileStore

    /// The programs of the system.
    public let programs: any Programs

    /// The file systems on the machine's devices.
    public let fileSystems: any FileSystems

    /// Creates the host; it holds no state.
    public init() {
        mounts = LinuxMounts()
        files = LinuxFiles()
        let programs = LinuxPrograms()
        self.programs = programs
        fileSystems = LinuxFileSystems(programs: programs)
    }
}
