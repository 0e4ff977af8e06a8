public import SystemPackage

/// A directory held open, and everything below it.
///
/// Every path given to a tree is relative to its directory and resolved by the kernel in one step, beneath the directory
/// and without following a symbolic link anywhere: `..`, absolute paths and links are refused, so nothing that is
/// written into the tree can lead out of it. The empty path means the directory itself where a method says so.
///
/// A tree stays with its directory when that is renamed, and closes it when the last reference goes.
///
/// All methods throw ``HostError``; besides the kinds that a method names, any can meet `notFound`, `notDirectory`,
/// `symbolicLink`, `invalidPath`, `permissionDenied`, `readOnlyFileSystem`, `noSpace`, `inputOutput`, `resourceLimit`.
public protocol DirectoryTree: SubvolumeTree, QuotaTree {
    /// The path that the directory was opened by: for messages and bind mounts, never needed to reach something below.
    var path: FilePath { get }

    /// Opens a directory below as a tree of its own.
    ///
    /// The empty path means the directory itself.
    func openDirectory(_ path: FilePath) async throws(HostError) -> any DirectoryTree

    /// Creates one directory with exactly the given mode, whatever the process's umask.
    ///
    /// Its name is durable after ``syncDirectory(_:)`` of its parent.
    ///
    /// - Throws: kind `alreadyExists` when anything has that name.
    func createDirectory(_ path: FilePath, permissions: FilePermissions) async throws(HostError)

    /// Reads what something is; nil when nothing is there. The empty path means the directory itself.
    ///
    /// The last component may be a symbolic link, which is reported as such.
    func metadata(of path: FilePath) async throws(HostError) -> FileMetadata?

    /// Reads what the child of one name is in each of many directories: one call for all, which costs a fraction of asking
    /// for the ``metadata(of:)`` of each.
    ///
    /// It tells how things are, and is not for deciding what to do with them: where somebody has put a symbolic link in the place
    /// of a parent, the answer may be about what the link leads to.
    ///
    /// - Parameters:
    ///   - child: the name that is looked for.
    ///   - parents: names in `path`; one that is absent, or no directory, holds nothing.
    ///   - path: the directory that the parents are in. The empty path means the tree's directory itself.
    /// - Returns: one answer for each parent, in their order; nil where there is no such child, and a failure where nobody can
    ///   tell, as on a damaged disk, which says nothing of the others.
    /// - Throws: kind `invalidPath` for a name with a slash, among others; what is wrong with `path`.
    func metadata(
        of child: String, inEachOf parents: [String], in path: FilePath
    ) async throws(HostError) -> [Result<FileMetadata?, HostError>]

    /// Lists a directory, sorted by the bytes of the names. The empty path means the directory itself.
    ///
    /// - Parameters:
    ///   - path: the directory.
    ///   - limit: the largest number of entries to accept.
    /// - Throws: kind `tooLarge` when there are more.
    func list(_ path: FilePath, limit: Int) async throws(HostError) -> [DirectoryEntry]

    /// Reads a whole regular file.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - limit: the largest number of bytes to accept.
    /// - Throws: kind `tooLarge` when the file has more, `wrongType` when it is not a regular file.
    func readFile(_ path: FilePath, limit: Int) async throws(HostError) -> [UInt8]

    /// Writes a whole file so that a crash at any moment leaves the old content or the new one, and a return means the new
    /// one, through a power failure.
    ///
    /// The content goes to a new file beside it (its name starts with `.new-`), which is synced and renamed; then the
    /// directory is synced. After a failure the old content is there and the new file is not.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - bytes: all of its content.
    ///   - permissions: the mode, whatever the process's umask.
    ///   - replacing: whether an existing file is replaced; otherwise that is an error of kind `alreadyExists`.
    func writeFileDurably(
        _ path: FilePath, _ bytes: [UInt8], permissions: FilePermissions, replacing: Bool
    ) async throws(HostError)

    /// Creates a file with content that nobody looks at before it is complete, for example in a directory that gets its name
    /// later: cheaper than ``writeFileDurably(_:_:permissions:replacing:)``.
    ///
    /// The content is durable when this returns, its name after ``syncDirectory(_:)`` of its parent. After a failure the file
    /// is not there; after a crash it can be there with a part of its content.
    ///
    /// - Parameters:
    ///   - path: a free name.
    ///   - bytes: all of its content.
    ///   - permissions: the mode, whatever the process's umask.
    /// - Throws: kind `alreadyExists` when anything has that name.
    func writeNewFile(_ path: FilePath, _ bytes: [UInt8], permissions: FilePermissions) async throws(HostError)

    /// Renames a file or directory and makes both parents durable: when it returns, the rename survives a power failure.
    ///
    /// - Parameters:
    ///   - source: what to rename. Its own content must be durable already: see ``syncTree(_:)``.
    ///   - destination: the new name, in this tree.
    ///   - replacing: whether an existing file or empty directory is replaced; otherwise that is an error of kind
    ///     `alreadyExists`.
    /// - Throws: kind `alreadyExists`, `notEmpty`, `busy` (a mount point), `crossesMount`, among others.
    func renameDurably(from source: FilePath, to destination: FilePath, replacing: Bool) async throws(HostError)

    /// Completes a directory that was filled under another name: writes its last file, and gives it its own name, all of it
    /// durable.
    ///
    /// What the directory holds is durable already, but for the names in it, and for files of zeros that
    /// ``createFile(_:size:allocation:permissions:)`` made. After a failure it has its old name, with or
    /// without the file; after a crash it has the new one only if it is complete.
    ///
    /// - Parameters:
    ///   - directory: the old name.
    ///   - destination: the new name, which must be free.
    ///   - file: a free name in the directory.
    ///   - bytes: the file's content.
    ///   - permissions: the file's mode, whatever the process's umask.
    /// - Throws: kind `alreadyExists`, `noSpace`, `notFound`, among others.
    func completeDirectory(
        _ directory: FilePath, as destination: FilePath, with file: FilePath.Component, _ bytes: [UInt8],
        permissions: FilePermissions
    ) async throws(HostError)

    /// Makes the names in a directory durable. The empty path means the directory itself.
    func syncDirectory(_ path: FilePath) async throws(HostError)

    /// Makes a directory and everything below it durable, content and names; the name of the directory itself is its
    /// parent's. The empty path means the directory itself. Other mounts and special files are left out.
    func syncTree(_ path: FilePath) async throws(HostError)

    /// Removes one file, link or special file; that it is absent is success.
    ///
    /// - Returns: whether something was removed.
    /// - Throws: kind `isDirectory` for a directory.
    @discardableResult
    func removeFile(_ path: FilePath) async throws(HostError) -> Bool

    /// Removes one empty directory; that it is absent is success.
    ///
    /// - Returns: whether something was removed.
    /// - Throws: kind `notEmpty`, `notDirectory`, `busy` (a mount point), among others.
    @discardableResult
    func removeDirectory(_ path: FilePath) async throws(HostError) -> Bool

    /// Removes a file, or a directory with everything in it; that it is absent is success.
    ///
    /// A btrfs subvolume goes in one step, whatever is in it and whether or not it can be written; the quota group that
    /// it has for itself goes with it.
    ///
    /// It works by descriptors, whatever the depth, removes links and never what they lead to, and stops at a mount: one
    /// inside the tree is an error of kind `busy` that names it, and what it shows is left alone. What was removed before an
    /// error stays removed: call again when the cause is gone.
    ///
    /// - Throws: kind `busy`, `permissionDenied` (also an immutable file), among others, with the path that stopped it.
    func removeTree(_ path: FilePath) async throws(HostError)

    /// Changes the mode. The empty path means the directory itself.
    func setPermissions(_ path: FilePath, _ permissions: FilePermissions) async throws(HostError)

    /// Changes owner and group; nil leaves one as it is. The empty path means the directory itself.
    ///
    /// A symbolic link is changed itself. The kernel clears set-user-ID and set-group-ID bits of files: set the mode after.
    func setOwner(_ path: FilePath, userID: UInt32?, groupID: UInt32?) async throws(HostError)

    /// Takes an exclusive lock on a file, which is created (mode 0600) if it is not there. It never waits.
    ///
    /// The lock is advisory, between processes and between handles, and ends with the handle, ``HeldLock/release()`` or the
    /// process, so a crash leaves none behind.
    ///
    /// - Throws: kind `lockHeld` when somebody else has it.
    func lock(_ path: FilePath) async throws(HostError) -> any HeldLock

    /// Asks the file system that the directory lies on for its size.
    func capacity() async throws(HostError) -> FileSystemCapacity

    /// Creates a file of zeros, such as a volume's image.
    ///
    /// It becomes durable with the directory that it is made in, by ``completeDirectory(_:as:with:_:permissions:)``. After a
    /// failure it is not there; after a crash it can be there with any size: in a directory whose name says so, which is made
    /// anew.
    ///
    /// - Parameters:
    ///   - path: a free name.
    ///   - size: its size in bytes.
    ///   - allocation: whether its room on the disk is taken now.
    ///   - permissions: the mode, whatever the process's umask.
    /// - Throws: kind `alreadyExists`, `noSpace`, `tooLarge` (the file system has no files of this size),
    ///   `notSupported` (it cannot take room in advance), among others.
    func createFile(
        _ path: FilePath, size: Int64, allocation: FileAllocation, permissions: FilePermissions
    ) async throws(HostError)

    /// Makes a file larger with zeros at its end, durably; a file of that size already stays as it is.
    ///
    /// With `.allocated` all of the file has its room on the disk when this returns, also what was there before. After a
    /// failure or a crash the file can have any size between the old and the new one; its content is untouched.
    ///
    /// - Throws: kind `invalidArgument` when the file is larger (nothing is ever cut off), `noSpace`, `wrongType`, among
    ///   others.
    func setFileSize(_ path: FilePath, to size: Int64, allocation: FileAllocation) async throws(HostError)

    /// Copies a regular file with its holes, also from another file system: by sharing its blocks where that can be done,
    /// else by copying its data.
    ///
    /// The copy is durable when this returns, its name after ``syncDirectory(_:)`` of its parent. It has the content, the
    /// size and the holes of the source, and of its attributes only what the options say. The source must not be written
    /// meanwhile, or the copy is of no single moment. After a failure, and when the task is cancelled, the copy is not
    /// there; after a crash it can be there in part: copy to a name that says so, remove it, and start over.
    ///
    /// - Parameters:
    ///   - source: the file, in the tree `origin`.
    ///   - origin: a tree of the same host, such as this one.
    ///   - destination: a free name in this tree.
    ///   - options: how to copy.
    /// - Returns: how it was done.
    /// - Throws: kind `alreadyExists`, `wrongType`, `noSpace`, `cancelled`, `notSupported` (sharing was required, and the file
    ///   system cannot, or there are two of them), `inputOutput`, among others.
    @discardableResult
    func copyFile(
        from source: FilePath, in origin: any DirectoryTree, to destination: FilePath, options: CopyOptions
    ) async throws(HostError) -> CopyOutcome

    /// Copies a directory with everything below it, also from another file system, and makes the copy durable.
    ///
    /// Kept are content with its holes (by sharing blocks where the file system can, else by copying), owners, modes, access
    /// and modification times to the nanosecond, extended attributes (`user.`, `trusted.`, `security.capability`), access
    /// control lists, hard links between names in the tree, symbolic links as they are, devices, FIFOs and sockets. Not
    /// kept are security labels, which the policy of the machine gives, and the flags of `chattr`. What should be kept and
    /// cannot be fails the copy with an error that names it.
    ///
    /// It works by descriptors, whatever the depth, in memory that does not grow with the tree, and never follows a link.
    /// While it runs, nobody else may touch the destination. The source may be in use: each file is then copied as it is when
    /// its turn comes (with blocks shared: at one moment), what is renamed meanwhile can be missed, and what vanishes is
    /// left out.
    ///
    /// Everything in the copy is durable when this returns, its name after ``syncDirectory(_:)`` of its parent. After a
    /// failure, when the task is cancelled, and after a crash part of it is there: copy to a name that says so, remove it with
    /// ``removeTree(_:)``, and start over.
    ///
    /// - Parameters:
    ///   - source: the directory, as a tree of the same host.
    ///   - destination: a free name in this tree, or an empty directory, which is filled and becomes like the source: make it
    ///     beforehand where it is to be a subvolume or to have a quota.
    ///   - options: how to copy.
    /// - Returns: what was copied.
    /// - Throws: kind `alreadyExists` or `notEmpty` (the destination), `crossesMount` (a mount in the source, which is no part
    ///   of it), `invalidArgument` (the destination lies in the source), `notSupported` (the file system of the copy cannot
    ///   hold an attribute, or blocks cannot be shared and must be), `notVerified` (the source changed so that it cannot be
    ///   followed: try again), `noSpace`, `permissionDenied`, `cancelled`, among others.
    @discardableResult
    func copyTree(
        from source: any DirectoryTree, to destination: FilePath, options: TreeCopyOptions
    ) async throws(HostError) -> TreeCopyProgress

    /// Whether anybody else has a file open, another program or the kernel for a device; true also where nobody can tell.
    ///
    /// It answers for one moment, whatever the mount namespace of who has it open.
    ///
    /// - Parameter path: a regular file.
    func isOpen(_ path: FilePath) async throws(HostError) -> Bool

    /// Unpacks a tar archive, compressed or not, into an empty directory, with what it has of owners, modes, times and
    /// attributes; nothing is written outside of the directory.
    ///
    /// The program `tar` does it. What is unpacked is durable after ``syncTree(_:)``. After a failure or a crash a part of it is
    /// there.
    ///
    /// - Parameters:
    ///   - archive: a regular file.
    ///   - destination: an empty directory.
    /// - Throws: kind `programFailed` (no archive, or a damaged one), `notFound`, `wrongType`, `noSpace`, among others.
    func unpackArchive(_ archive: FilePath, into destination: FilePath) async throws(HostError)

    /// Gives the room of a part of a file back to the file system; the part then reads as zero, and the size stays.
    ///
    /// - Parameters:
    ///   - path: a regular file.
    ///   - offset: the first byte, not negative.
    ///   - length: how many bytes, more than 0.
    func punchHole(in path: FilePath, at offset: Int64, length: Int64) async throws(HostError)

    /// Does several things one after the other, each as its own method does it, and stops at the first that fails.
    ///
    /// Where the directory is reached through another process, all of them together cost one exchange with it.
    ///
    /// - Parameter steps: what to do.
    /// - Returns: what each step has come to, in their order.
    /// - Throws: the error of the step that failed, which it names by operation and path; what came before it stays done.
    func perform(_ steps: [TreeStep]) async throws(HostError) -> [TreeStep.Outcome]
}

/// A lock that is held until it is released or the last reference to it goes.
public protocol HeldLock: AnyObject, Sendable {
    /// Lets go of the lock; a second call does nothing.
    func release()
}

extension DirectoryTree {
    /// One step after the other, each durable before the next.
    public func completeDirectory(
        _ directory: FilePath, as destination: FilePath, with file: FilePath.Component, _ bytes: [UInt8],
        permissions: FilePermissions
    ) async throws(HostError) {
        try await writeNewFile(directory.appending(file), bytes, permissions: permissions)
        // One sync makes the names of everything durable that was put there.
        try await syncDirectory(directory)
        try await renameDurably(from: directory, to: destination)
    }

    /// Whether anything has this name, a dangling symbolic link included.
    public func exists(_ path: FilePath) async throws(HostError) -> Bool {
        try await metadata(of: path) != nil
    }

    /// What makes something the same file whatever it is called; nil when nothing is there.
    public func identity(of path: FilePath) async throws(HostError) -> FileIdentity? {
        try await metadata(of: path)?.identity
    }

    /// Writes a whole file durably, replacing an existing one.
    ///
    /// See ``writeFileDurably(_:_:permissions:replacing:)``.
    public func writeFileDurably(
        _ path: FilePath, _ bytes: [UInt8], permissions: FilePermissions = [.ownerReadWrite]
    ) async throws(HostError) {
        try await writeFileDurably(path, bytes, permissions: permissions, replacing: true)
    }

    /// Copies a regular file within this tree.
    ///
    /// See ``copyFile(from:in:to:options:)``.
    @discardableResult
    public func copyFile(
        from source: FilePath, to destination: FilePath, options: CopyOptions
    ) async throws(HostError) -> CopyOutcome {
        try await copyFile(from: source, in: self, to: destination, options: options)
    }

    /// Renames durably to a name that must be free.
    ///
    /// See ``renameDurably(from:to:replacing:)``.
    public func renameDurably(from source: FilePath, to destination: FilePath) async throws(HostError) {
        try await renameDurably(from: source, to: destination, replacing: false)
    }
}
