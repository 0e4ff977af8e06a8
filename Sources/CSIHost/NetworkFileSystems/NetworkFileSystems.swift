public import SystemPackage

/// File systems behind a network: mounts of NFS, and work on files whose server may be gone.
///
/// Any call on such a file may wait for a server for ever, in a way that no thread can be taken out of. So each happens in a
/// helper process; the calling task only waits for its answer, and no thread waits with it. A helper that makes no progress
/// for the host's patience is killed, and the call fails with kind `timedOut`.
///
/// A killed helper usually ends at once. One that does not may still do what it was asked to: calls for the same `work` are
/// refused with kind `lockHeld` until it is gone.
///
/// The trees that come from here do everything in their helper, and hold it until the last reference goes; one that has
/// lost its helper fails with kind `timedOut` or `stale`. Image files are not kept on network file systems: locks, sized
/// files, holes and copies of single files are of kind `notSupported`.
public protocol NetworkFileSystems: Sendable {
    /// Opens an export without mounting it anywhere: no path leads to it, and it is gone with the process.
    ///
    /// - Parameters:
    ///   - location: the export.
    ///   - options: how to mount it.
    ///   - work: what the tree is needed for, for example a volume's id: nothing else is done for it while a killed helper
    ///     of an earlier call lives.
    /// - Throws: ``HostError`` of kind `timedOut`, `lockHeld`, `notFound` (no such export or directory),
    ///   `permissionDenied`, `notSupported` (the server has no such version), `unreachable`, among others.
    func openExport(
        _ location: NFSLocation, options: NFSMountOptions, for work: String
    ) async throws(HostError) -> any DirectoryTree

    /// Opens a directory of this machine that may lie on a network file system.
    ///
    /// - Parameters:
    ///   - path: an absolute path.
    ///   - work: what the tree is needed for.
    ///   - patience: how long a call may make no progress, if not as long as others.
    /// - Throws: ``HostError`` as ``FileStore/openDirectory(_:)`` does, and of kind `timedOut`, `stale` and `lockHeld`.
    func openDirectory(
        _ path: FilePath, for work: String, patience: Duration?
    ) async throws(HostError) -> any DirectoryTree

    /// Mounts an export, or a directory below one, at an existing directory.
    ///
    /// - Parameters:
    ///   - location: what to mount; the directory exists at the server.
    ///   - target: an absolute path of a directory.
    ///   - options: how to mount it.
    /// - Returns: the new mount, read back from the kernel.
    /// - Throws: ``HostError`` as ``openExport(_:options:for:)`` does; the work is the target.
    @discardableResult
    func mount(
        _ location: NFSLocation, at target: FilePath, options: NFSMountOptions
    ) async throws(HostError) -> MountEntry

    /// ``MountControl/bindMount(source:at:options:)`` of a source whose server may be gone; the work is the target.
    @discardableResult
    func bindMount(source: FilePath, at target: FilePath, options: BindOptions) async throws(HostError) -> MountEntry

    /// ``MountControl/unmount(_:policy:)`` of a mount whose server may be gone; the work is the target.
    @discardableResult
    func unmount(_ target: FilePath, policy: UnmountPolicy) async throws(HostError) -> UnmountOutcome

    /// The work that calls are refused for at present with kind `lockHeld`: of each, a killed helper still lives. Asks no server.
    func stuckWork() async -> [String]
}

/// When `/sbin/mount.nfs` mounts an export instead of the kernel alone.
public enum MountHelperUse: String, Sendable, Hashable, CaseIterable {
    /// When it is installed and the options need what only it does: NFS 3 with locks needs `rpc.statd`, which it starts.
    case auto
    /// For every mount.
    case always
    /// For none.
    case never
}
