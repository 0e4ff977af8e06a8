/// A file system that this library makes, checks, mounts and grows.
public enum FileSystemKind: String, Sendable, Hashable, CaseIterable, CustomStringConvertible {
    /// The third extended file system.
    case ext3
    /// The fourth extended file system.
    case ext4
    /// XFS.
    case xfs
    /// Btrfs.
    case btrfs

    /// The name that the kernel, mkfs and Kubernetes use, for example `ext4`.
    public var description: String { rawValue }

    /// Whether it is ext3 or ext4, which share their tools.
    package var isExtended: Bool { self == .ext3 || self == .ext4 }
}
