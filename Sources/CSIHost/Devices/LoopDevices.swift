public import SystemPackage

/// Attaches files as block devices, finds them again, and detaches them.
///
/// A device is recognised by the file behind it (``FileIdentity``), never by its number or by a path. The kernel is the
/// only truth: nothing is remembered between calls, so a restarted driver finds what its predecessor attached.
public protocol LoopDevices: Sendable {
    /// Attaches a regular file as a new loop device, completely configured from its first moment.
    ///
    /// While it is attached, the kernel keeps a lock (`flock`) on the file: exclusive, or shared when it is read-only.
    /// So this library never attaches a file twice where one of the two can write, however many processes try; what
    /// other programs attached must be looked for with ``attached(to:)`` first. The device stays until it is detached,
    /// whatever becomes of the process.
    ///
    /// - Parameters:
    ///   - file: the file's path in the tree.
    ///   - tree: a directory of this host.
    ///   - options: how to attach it.
    /// - Returns: the device, read back from the kernel.
    /// - Throws: ``HostError`` of kind `notFound`, `wrongType` (not a regular file), `invalidArgument` (empty, not a
    ///   multiple of the sector size, a name that is too long), `lockHeld` (attached already, or locked by another
    ///   process), `notSupported` (direct I/O was required), `noDevice` (the machine has no loop devices),
    ///   `resourceLimit` (no free device), among others.
    func attach(
        _ file: FilePath, in tree: any DirectoryTree, options: LoopOptions
    ) async throws(HostError) -> LoopDevice

    /// The devices that a file is attached as, by any program, in the order of their numbers.
    ///
    /// - Parameter file: see ``FileMetadata/identity``; a new file under an old name is another file.
    func attached(to file: FileIdentity) async throws(HostError) -> [LoopDevice]

    /// The device with a number; nil when no file is attached to it now.
    ///
    /// For a number from an earlier call: compare what it shows with what is meant, the number may be another file's by now.
    func device(_ number: Int) async throws(HostError) -> LoopDevice?

    /// All attached loop devices in the order of their numbers, whoever attached them.
    ///
    /// A device that comes or goes meanwhile may or may not be among them. One is not whose file's own disk is dead: the kernel does not
    /// say any more which file it shows.
    func list() async throws(HostError) -> [LoopDevice]

    /// Opens a device, so that its number cannot come to show another file until it is released.
    ///
    /// Between attaching and mounting another program could detach the device, and attach a file of its own under the same
    /// number. Hold the device, then look at it, format it, mount it; a mount then holds it in turn. While it is held,
    /// ``detach(_:within:)`` waits.
    ///
    /// - Throws: ``HostError`` of kind `stale` when the device is no longer attached to that file.
    func hold(_ device: LoopDevice) async throws(HostError) -> any HeldDevice

    /// Makes a device as large as its file has become.
    ///
    /// - Returns: the device as it is now.
    /// - Throws: ``HostError`` of kind `stale` when the device is no longer attached to that file.
    func refreshSize(of device: LoopDevice) async throws(HostError) -> LoopDevice

    /// Has a device go around the page cache of its file's file system, or through it, while it may be in use.
    ///
    /// - Returns: the device as it is now.
    /// - Throws: ``HostError`` of kind `stale` when the device is no longer attached to that file, `notSupported` when the file
    ///   system cannot.
    func setDirectIO(_ isDirect: Bool, of device: LoopDevice) async throws(HostError) -> LoopDevice

    /// Detaches a device once nobody uses it; that the attachment is gone already is success.
    ///
    /// It first makes sure that the device is still attached to that file: a number that now shows another file is left
    /// alone. A device that is mounted or otherwise held is not touched; it is waited for. When this returns, the file
    /// is free.
    ///
    /// - Parameters:
    ///   - device: what ``attach(_:in:options:)``, ``attached(to:)`` or ``list()`` answered.
    ///   - duration: how long to wait for the last user.
    /// - Returns: whether this call detached it; false when it was gone.
    /// - Throws: ``HostError`` of kind `busy` after that time, naming the mounts, devices and processes that hold it.
    @discardableResult
    func detach(_ device: LoopDevice, within duration: Duration) async throws(HostError) -> Bool
}

/// A device that is held until it is released or the last reference to it goes.
public protocol HeldDevice: AnyObject, Sendable {
    /// Lets go of the device; a second call does nothing.
    func release()
}
