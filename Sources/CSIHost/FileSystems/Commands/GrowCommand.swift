package import SystemPackage

/// How a file system is grown.
package enum GrowCommand {
    /// The command for a file system; nil when it cannot grow unmounted.
    package static func program(_ kind: FileSystemKind, _ device: FilePath, mountedAt mountPoint: FilePath?) -> Program?
    {
        switch (kind, mountPoint) {
        case (.ext3, _), (.ext4, _): Program("resize2fs", [device.string])
        case (.xfs, let mountPoint?): Program("xfs_growfs", ["-d", mountPoint.string])
        case (.btrfs, let mountPoint?): Program("btrfs", ["filesystem", "resize", "max", mountPoint.string])
        case (.xfs, nil), (.btrfs, nil): nil
        }
    }

    /// The check that has to come before an unmounted file system grows: resize2fs demands it.
    package static func check(_ device: FilePath) -> Program {
        Program("e2fsck", ["-f", "-p", device.string])
    }
}
