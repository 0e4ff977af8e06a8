public import SystemPackage

/// Reads and changes the mounts of the namespace that the process runs in.
///
/// The kernel's table is the only truth: nothing is remembered between calls.
public protocol MountControl: Sendable {
    /// Reads the kernel's mount table, as of now.
    ///
    /// It asks no file system, so it does not hang where a server does. Read it once per operation and query the value.
    ///
    /// - Throws: ``HostError`` when the table itself cannot be read; a single line that cannot be understood is left out.
    func mountTable() async throws(HostError) -> MountTable

    /// Reads the part of the kernel's mount table that an operation needs, as of now.
    ///
    /// Its cost does not follow the number of mounts where the kernel tells of single mounts (Linux 6.13). A path that is no mount
    /// point may be looked up in the file system that it lies on.
    ///
    /// - Parameter selection: what is asked for.
    /// - Returns: what ``MountTable/selecting(_:)`` leaves of the whole table.
    /// - Throws: ``HostError`` when the table itself cannot be read.
    func mountTable(of selection: MountSelection) async throws(HostError) -> MountTable

    /// Makes the directory or file `source` appear at `target` as well, with the given options from its first moment.
    ///
    /// The mount is made detached, gets its options, and is then attached in one step: a read-only bind is never writable
    /// under its target. It does not take mounts below `source` along, and later mounts do not propagate between source and
    /// target. Both paths are resolved once, without following symbolic links. A target that is a mount point already gets
    /// another mount on top: look into the ``MountTable`` first where that is not meant.
    ///
    /// - Parameters:
    ///   - source: an absolute path of an existing directory or file.
    ///   - target: an absolute path of an existing mount point of the same sort: a directory for a directory, a file for
    ///     anything else.
    ///   - options: what to restrict; what is not named is as in the mount that `source` lies in.
    /// - Returns: the new mount, read back from the kernel.
    /// - Throws: ``HostError`` of kind `notFound`, `symbolicLink`, `wrongType` (a directory onto a file or a file onto a
    ///   directory), `permissionDenied`, `invalidPath`, `notVerified` (the mount was undone), among others.
    @discardableResult
    func bindMount(
        source: FilePath, at target: FilePath, options: BindOptions
    ) async throws(HostError) -> MountEntry

    /// Removes every mount stacked at exactly `target`; that there is none is success.
    ///
    /// The target itself is never looked at, so a dead server behind it does not matter, and the call returns soon after
    /// the deadline whatever the kernel does.
    ///
    /// - Parameters:
    ///   - target: an absolute path of a mount point, or of nothing at all.
    ///   - policy: the deadline, and what to do about a mount that is busy or hangs.
    /// - Returns: how many mounts were removed and whether one had to be detached lazily.
    /// - Throws: ``HostError`` of kind `busy` or `timedOut` when the policy forbids to detach, `symbolicLink`,
    ///   `permissionDenied`, among others.
    @discardableResult
    func unmount(_ target: FilePath, policy: UnmountPolicy) async throws(HostError) -> UnmountOutcome
}
