public import SystemPackage

/// How a file is copied.
public struct CopyOptions: Sendable {
    /// Whether the blocks of the source may, or must, be shared with the copy.
    public enum Sharing: Sendable, Hashable {
        /// Share where the file system can (xfs, btrfs), copy where it cannot (ext4).
        case preferred
        /// Share or fail with kind `notSupported`.
        case required
        /// Copy the data, so that the copy needs no block of the source.
        case never
    }

    /// Whether blocks are shared.
    public var sharing: Sharing

    /// The mode of the copy, whatever the process's umask.
    public var permissions: FilePermissions

    /// Called from time to time with what has been copied so far, on the thread that copies.
    public var progress: (@Sendable (CopyProgress) -> Void)?

    /// Creates options.
    public init(
        sharing: Sharing = .preferred, permissions: FilePermissions = [.ownerReadWrite],
        progress: (@Sendable (CopyProgress) -> Void)? = nil
    ) {
        self.sharing = sharing
        self.permissions = permissions
        self.progress = progress
    }
}

/// How far a copy has come, in bytes.
public struct CopyProgress: Sendable, Hashable {
    /// The data copied so far; holes are not counted.
    public var copiedBytes: Int64

    /// The place in the file up to which everything is done.
    public var position: Int64

    /// The size of the file.
    public var totalBytes: Int64

    /// Creates a progress.
    public init(copiedBytes: Int64, position: Int64, totalBytes: Int64) {
        self.copiedBytes = copiedBytes
        self.position = position
        self.totalBytes = totalBytes
    }
}

/// How a copy was made.
public enum CopyOutcome: Sendable, Hashable {
    /// The copy shares the source's blocks; nothing was read or written.
    case reflink
    /// This many bytes of data were copied, and the holes between them kept.
    case copied(bytes: Int64)
}
