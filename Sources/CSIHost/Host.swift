/// Everything that a backend may do to the machine it runs on.
///
/// Backends hold an `any Host` and nothing else that has effects: in production it is a ``LinuxHost``, in tests a model in
/// memory, and one contract suite runs against both.
///
/// All methods of a host are `async` so that a fake can suspend them and a future host can do its work elsewhere. The
/// Linux host does its work with blocking system calls *on the thread that the caller runs on*: call it from a task on a
/// bounded blocking executor, never from Swift's cooperative pool.
public protocol Host: Sendable {
    /// Mounts: the kernel's table, bind mounts, unmounts.
    var mounts: any MountControl { get }

    /// Files, directories and mount points.
    var files: any FileStore { get }

    /// Programs of the system, such as `mkfs.xfs`.
    var programs: any Programs { get }

    /// File systems on block devices.
    var fileSystems: any FileSystems { get }

    /// Loop devices: files attached as block devices.
    var loops: any LoopDevices { get }

    /// Block devices: finding them, waiting for them, reading from them.
    var devices: any BlockDevices { get }

    /// What the machine offers to this process.
    var system: any SystemInspection { get }

    /// Network file systems, whose servers may be gone.
    var network: any NetworkFileSystems { get }

    /// The time.
    var clock: any HostClock { get }
}
