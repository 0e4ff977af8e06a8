public import SystemPackage

/// One mount, as the kernel's mount table shows it.
public struct MountEntry: Sendable, Hashable {
    /// The kernel's number of the mount, unique while it exists.
    public var mountID: Int

    /// The number of the mount that this one is mounted on.
    public var parentID: Int

    /// The device of the file system, as `stat` shows it for its files.
    public var device: DeviceNumber

    /// Which directory or file of the file system is visible here: `/` for the whole, the source of a bind otherwise.
    public var root: FilePath

    /// Whether ``root`` has been removed from its file system since it was mounted.
    public var isRootDeleted: Bool

    /// Where the mount is, absolute, without escapes.
    public var mountPoint: FilePath

    /// The type of the file system, such as `ext4` or `nfs4`.
    public var filesystemType: String

    /// What was mounted, as given by who mounted it; for a bind mount, the source of the underlying mount.
    public var source: String

    /// The options of this mount, such as `ro`, `nosuid`, `relatime`.
    public var mountOptions: [String]

    /// The options of the file system, which all its mounts share.
    public var superOptions: [String]

    /// The peer group that the mount shares its changes with; nil when it does not.
    public var peerGroup: Int?

    /// The peer group that the mount receives changes from; nil when it does not.
    public var masterGroup: Int?

    /// Creates an entry.
    public init(
        mountID: Int, parentID: Int, device: DeviceNumber, root: FilePath, isRootDeleted: Bool = false,
        mountPoint: FilePath, filesystemType: String, source: String, mountOptions: [String], superOptions: [String],
        peerGroup: Int? = nil, masterGroup: Int? = nil
    ) {
        self.mountID = mountID
        self.parentID = parentID
        self.device = device
        self.root = root
        self.isRootDeleted = isRootDeleted
        self.mountPoint = mountPoint
        self.filesystemType = filesystemType
        self.source = source
        self.mountOptions = mountOptions
        self.superOptions = superOptions
        self.peerGroup = peerGroup
        self.masterGroup = masterGroup
    }

    /// The options of this mount that a bind mount can be given.
    public var bindOptions: BindOptions { BindOptions(mountTableOptions: mountOptions) }

    /// Whether nothing can be written through this mount, because of the mount or of its file system.
    public var isReadOnly: Bool { mountOptions.contains("ro") || superOptions.contains("ro") }

    /// Whether mounts made here appear elsewhere as well.
    public var isShared: Bool { peerGroup != nil }

    /// What the mount shows: the file system and the place in it.
    public var origin: MountOrigin { MountOrigin(device: device, root: root) }
}
