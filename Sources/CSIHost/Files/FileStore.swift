public import SystemPackage

/// The door to files: everything by absolute path that a backend needs before it holds a ``DirectoryTree``.
///
/// No path is followed through a symbolic link, except by ``canonicalPath(of:)``.
public protocol FileStore: Sendable {
    /// Opens a directory; everything below it is then reached through the returned tree.
    ///
    /// - Throws: ``HostError`` of kind `notFound`, `notDirectory`, `symbolicLink` or `permissionDenied`, among others.
    func openDirectory(_ path: FilePath) async throws(HostError) -> any DirectoryTree

    /// Replaces the symbolic links in a path that an operator configured by what they lead to.
    ///
    /// Call it once at start, on paths from the configuration only, never on one that came with a request.
    ///
    /// - Throws: ``HostError`` of kind `notFound` when the path does not exist.
    func canonicalPath(of path: FilePath) async throws(HostError) -> FilePath

    /// Reads what the file at an absolute path is; nil when nothing is there.
    ///
    /// It asks the file system, and so hangs with a dead server: for mount points, ask the ``MountTable``.
    func metadata(of path: FilePath) async throws(HostError) -> FileMetadata?

    /// Creates the directory or empty file that a mount will cover, if it is not there.
    ///
    /// Only the last component is created: the parent must exist. Where the right kind of thing exists, its mode and owner
    /// stay. What exists may be a mount point: its root is what is looked at.
    ///
    /// - Parameters:
    ///   - path: an absolute path.
    ///   - kind: `.directory`, or `.regular` for an empty file.
    ///   - permissions: the mode of what is created, whatever the process's umask.
    /// - Returns: whether it was created by this call.
    /// - Throws: ``HostError`` of kind `notFound` (no parent), `wrongType` (something else is there), `symbolicLink`,
    ///   among others.
    @discardableResult
    func createMountPoint(
        _ path: FilePath, kind: FileKind, permissions: FilePermissions
    ) async throws(HostError) -> Bool

    /// Removes an empty directory or an empty file that a mount covered; that nothing is there is success.
    ///
    /// It never removes content: a directory with entries and a file with bytes stay.
    ///
    /// - Returns: whether something was removed.
    /// - Throws: ``HostError`` of kind `notEmpty`, `busy` (still mounted), `symbolicLink`, `wrongType`, among others.
    @discardableResult
    func removeMountPoint(_ path: FilePath) async throws(HostError) -> Bool

    /// Asks the file system that an absolute path lies on for its size.
    ///
    /// It hangs where a server is dead: give it its own deadline.
    func capacity(of path: FilePath) async throws(HostError) -> FileSystemCapacity

    /// Makes up a file name that nobody else has: the prefix and 16 hexadecimal digits.
    ///
    /// The digits come from the kernel's random source.
    func uniqueName(prefix: String) -> String
}
