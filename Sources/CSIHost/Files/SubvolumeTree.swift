public import SystemPackage

/// The part of a ``DirectoryTree`` that is about subvolumes, which btrfs has: directories that can be copied in one moment.
///
/// A subvolume looks like a directory, is renamed like one, and goes with ``DirectoryTree/removeTree(_:)``. Other files and
/// directories cannot be renamed from one subvolume into another (kind `crossesMount`). Paths follow the rules of
/// ``DirectoryTree``.
public protocol SubvolumeTree: AnyObject, Sendable {
    /// Whether the file system that the directory lies on has subvolumes.
    func hasSubvolumes() async throws(HostError) -> Bool

    /// Creates an empty subvolume with exactly the given mode, whatever the process's umask.
    ///
    /// Its name is durable after ``DirectoryTree/syncDirectory(_:)`` of its parent.
    ///
    /// - Throws: kind `alreadyExists` when anything has that name, `notSupported` where there are no subvolumes.
    func createSubvolume(_ path: FilePath, permissions: FilePermissions) async throws(HostError)

    /// Creates a subvolume with what is in another one at this moment, sharing its blocks; it takes the same short time
    /// whatever the size.
    ///
    /// Everything that was written to the source is in it, synced or not, and it is durable when this returns, name
    /// included. A subvolume inside the source is an empty directory in it. It has no quota.
    ///
    /// - Parameters:
    ///   - source: a subvolume in this tree.
    ///   - destination: a free name in this tree, on the same file system.
    ///   - isReadOnly: whether nothing can ever be written to it, until ``setSubvolumeReadOnly(_:_:)``.
    /// - Throws: kind `alreadyExists`, `wrongType` (the source is no subvolume), `notSupported`, among others.
    func createSnapshot(of source: FilePath, at destination: FilePath, isReadOnly: Bool) async throws(HostError)

    /// Changes whether a subvolume can be written.
    ///
    /// - Throws: kind `wrongType` when it is no subvolume, `busy` while it is written, `notSupported`, among others.
    func setSubvolumeReadOnly(_ path: FilePath, _ isReadOnly: Bool) async throws(HostError)

    /// Reads what the subvolume at a path is; nil when something else, or nothing, is there.
    ///
    /// The empty path means the tree's directory itself.
    func subvolume(at path: FilePath) async throws(HostError) -> Subvolume?
}

/// A subvolume of a btrfs file system.
public struct Subvolume: Sendable, Hashable {
    /// The number that identifies it on its file system, never used again.
    public var id: UInt64

    /// Whether nothing can be written to it.
    public var isReadOnly: Bool

    /// Creates a description.
    public init(id: UInt64, isReadOnly: Bool) {
        self.id = id
        self.isReadOnly = isReadOnly
    }
}
