import CSIProto

/// How a volume is to be mounted.
public struct MountAccess: Sendable, Hashable {
    /// The file system's name, for example `ext4`; empty leaves the choice to the driver.
    public let fileSystemType: String

    /// Mount options in the caller's order, each as mount(8) spells it, for example `noatime`.
    public let flags: [String]

    /// The group that shall own the volume's root; empty for none.
    public let group: String

    /// Creates a mount access, for callers and tests.
    public init(fileSystemType: String = "", flags: [String] = [], group: String = "") {
        self.fileSystemType = fileSystemType
        self.flags = flags
        self.group = group
    }

    init(validating wire: CSIv1.VolumeCapability.MountVolume, field: String) throws(CSIError) {
        fileSystemType = try WireText.optional(wire.fsType, "\(field).fs_type")
        group = try WireText.optional(wire.volumeMountGroup, "\(field).volume_mount_group")
        var flags: [String] = []
        var total = 0
        for (index, flag) in wire.mountFlags.enumerated() {
            // One option may be long (a list of addresses, a context), all together are limited like a map.
            flags.append(try WireText.required(flag, "\(field).mount_flags[\(index)]", limit: WireText.mapLimit))
            total += flag.utf8.count
        }
        guard total <= WireText.mapLimit else {
            throw .invalid("\(field).mount_flags", "are \(total) bytes in total, the limit is \(WireText.mapLimit)")
        }
        self.flags = flags
    }

    /// The parts that matter for what a volume is; flags are sorted because their order seldom does.
    var canonicalText: String {
        "fs_type=\(fileSystemType) mount_flags=\(flags.sorted().joined(separator: ",")) volume_mount_group=\(group)"
    }

    var wire: CSIv1.VolumeCapability.MountVolume {
        .init(fsType: fileSystemType, mountFlags: flags, volumeMountGroup: group)
    }
}
