public import SystemPackage

/// Makes, recognises, checks, mounts and grows file systems on block devices.
///
/// Devices are named by the absolute path of their node, for example `/dev/loop7`, or of an image file where a method says so.
/// Nothing here destroys data: what is not blank is not formatted, and what is unclear is an error.
public protocol FileSystems: Sendable {
    /// Recognises what is on a device, without changing it.
    ///
    /// Our own reading of the superblocks decides, and libblkid is asked for a second opinion. Blank means that both found
    /// nothing and that the first and the last MiB are zeroes; where the two disagree it is ``ProbeResult/ambiguous(_:)``.
    ///
    /// - Parameter device: a block device or an image file.
    /// - Throws: ``HostError`` when anything could not be read: a device that cannot be read is never blank.
    func probe(_ device: FilePath) async throws(HostError) -> ProbeResult

    /// Reads the superblock of a file system that is known to be on a device, without changing anything.
    ///
    /// Unlike ``probe(_:)`` it looks for nothing else, and so cannot say that a device is free for another file system. Users of a file
    /// system can write what looks like another format, disk images for example, to where that one has its signatures.
    ///
    /// - Parameters:
    ///   - kind: the file system.
    ///   - device: a block device or an image file.
    /// - Returns: nil when the superblock is not whole, or of another file system.
    /// - Throws: ``HostError`` when it could not be read.
    func content(of kind: FileSystemKind, on device: FilePath) async throws(HostError) -> DeviceContent?

    /// Makes a file system on a blank device.
    ///
    /// It probes first, never forces mkfs, and reads the new superblock back. When mkfs is interrupted the device holds half a file
    /// system, which is not blank: ask the metadata of the volume whether it may be erased.
    ///
    /// - Parameters:
    ///   - kind: the file system.
    ///   - device: a block device, or an image file that nothing is attached to: mkfs takes a fraction of the time there. The
    ///     file system is durable in the file then, as it is on a device; room that was allocated may be given back.
    ///   - options: label, UUID, and options of mkfs; for an image file also the sector size of the device to be.
    ///   - limit: how long mkfs may take; it is killed then.
    ///   - whenBlank: called once when the device has been found blank and before anything is written: the moment to note, durably,
    ///     that mkfs begins. Both ends are looked at once more after it.
    /// - Returns: what the new superblock says.
    /// - Throws: ``HostError`` of kind `notBlank` (the detail says what is there; nothing was written), `busy` (somebody has the
    ///   device open exclusively, a mount for example), `lockHeld` (the image file is attached by ``LoopDevices``, or an mkfs that
    ///   could not be killed still has it), `noSpace` (the image's file system is full), `programFailed`, `timedOut`,
    ///   `notVerified`, among others; and what `whenBlank` throws, before which nothing was written either.
    @discardableResult
    func make(
        _ kind: FileSystemKind, on device: FilePath, options: MakeOptions, within limit: Duration,
        whenBlank: () async throws(HostError) -> Void
    ) async throws(HostError) -> DeviceContent

    /// Checks an unmounted file system.
    ///
    /// - Throws: ``HostError`` of kind `programFailed` when the check itself failed, `busy`, `timedOut`, among others. Damage is
    ///   an outcome, not an error.
    func check(
        _ kind: FileSystemKind, on device: FilePath, depth: CheckDepth, within limit: Duration
    ) async throws(HostError) -> CheckOutcome

    /// Mounts the file system on a block device.
    ///
    /// The mount has its options from its first moment; mounts below it do not propagate back. A target that is a mount
    /// point already gets another mount on top: look into the ``MountTable`` first where that is not meant.
    ///
    /// - Parameters:
    ///   - device: a block device.
    ///   - target: an absolute path of an existing directory.
    ///   - options: the file system and how to mount it.
    ///   - limit: how long the kernel may take, journal replay included.
    /// - Returns: the new mount, read back from the kernel.
    /// - Throws: ``HostError`` of kind `busy`, `invalidArgument` (not this file system, damaged, or an option that it does not
    ///   know: the detail quotes the kernel), `notSupported` (the kernel lacks the file system), `timedOut`, `readOnlyFileSystem`
    ///   (a read-only device with a journal to replay), `notVerified` (the mount was undone), among others.
    @discardableResult
    func mount(
        _ device: FilePath, at target: FilePath, options: FileSystemMountOptions, within limit: Duration
    ) async throws(HostError) -> MountEntry

    /// The size of a file system in bytes: how much of its device it uses.
    ///
    /// - Parameters:
    ///   - kind: the file system.
    ///   - device: the block device.
    ///   - mountPoint: where it is mounted; nil when it is not.
    func size(
        of kind: FileSystemKind, on device: FilePath, mountedAt mountPoint: FilePath?
    ) async throws(HostError) -> Int64

    /// Grows a file system to the size of its device; one that has that size already is left alone.
    ///
    /// Unmounted, only ext3 and ext4 can grow, and are checked for that first. Mounted, all can, but not through a read-only
    /// mount; ext3 and ext4 then need CAP_SYS_RESOURCE.
    ///
    /// - Parameters:
    ///   - kind: the file system.
    ///   - device: the block device, which has its new size.
    ///   - mountPoint: where it is mounted; nil when it is not.
    ///   - limit: how long it may take; the program is killed then.
    /// - Throws: ``HostError`` of kind `notSupported` (unmounted XFS or Btrfs), `readOnlyFileSystem`, `programFailed`, `timedOut`,
    ///   `damaged`, `notVerified`, among others.
    @discardableResult
    func grow(
        _ kind: FileSystemKind, on device: FilePath, mountedAt mountPoint: FilePath?, within limit: Duration
    ) async throws(HostError) -> GrowOutcome

    /// Makes a mounted file system complete on its device and holds writers back, for a copy of the device.
    ///
    /// It thaws whatever happens: when it is told to, at the deadline, and when this process dies.
    ///
    /// - Parameters:
    ///   - mountPoint: a directory on the file system; its mount must be writable.
    ///   - limit: how long writers may be held back at most; keep it to seconds.
    /// - Throws: ``HostError`` of kind `busy` (frozen already), `timedOut` (it could not be frozen in that time and is not),
    ///   `notSupported`, among others.
    func freeze(_ mountPoint: FilePath, atMost limit: Duration) async throws(HostError) -> any FrozenFileSystem

    /// Thaws a mounted file system that somebody left frozen; call it for every mounted volume at start.
    ///
    /// - Returns: whether it was frozen.
    @discardableResult
    func thaw(_ mountPoint: FilePath) async throws(HostError) -> Bool

    /// Tells the device which blocks a mounted file system does not use, so that a thin device gives them back.
    ///
    /// - Returns: how many bytes were told, as the file system counts them.
    /// - Throws: ``HostError`` of kind `notSupported` where the device does not take discards.
    @discardableResult
    func trim(_ mountPoint: FilePath) async throws(HostError) -> Int64
}

extension FileSystems {
    /// Makes a file system on a blank device, of which nothing has to be noted before mkfs begins.
    @discardableResult
    public func make(
        _ kind: FileSystemKind, on device: FilePath, options: MakeOptions, within limit: Duration
    ) async throws(HostError) -> DeviceContent {
        try await make(kind, on: device, options: options, within: limit) { () async throws(HostError) in }
    }
}
