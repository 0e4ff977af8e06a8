public import SystemPackage

/// What kind of thing a directory entry is.
public enum FileKind: Sendable, Hashable {
    /// A regular file.
    case regular
    /// A directory.
    case directory
    /// A symbolic link, never followed.
    case symbolicLink
    /// A device, FIFO or socket.
    case special
}

/// What the file system knows about a file, without its content.
public struct FileMetadata: Sendable, Hashable {
    /// What it is.
    public var kind: FileKind

    /// The permission bits, with set-user-ID, set-group-ID and sticky.
    public var permissions: FilePermissions

    /// The owner's numeric id.
    public var userID: UInt32

    /// The group's numeric id.
    public var groupID: UInt32

    /// The apparent size in bytes.
    public var size: Int64

    /// The bytes that it takes on the disk, less than the size where it has holes; 0 where the file system does not say.
    public var allocatedBytes: Int64

    /// The device of the file system it lies on.
    public var device: DeviceNumber

    /// The number that identifies it on that device.
    public var inode: UInt64

    /// When its content was last changed, in seconds since 1970 (UTC).
    public var modified: Int64

    /// The number of the device that a device's node stands for; nil for anything else.
    public var specialDevice: DeviceNumber?

    /// Creates metadata.
    public init(
        kind: FileKind, permissions: FilePermissions, userID: UInt32, groupID: UInt32, size: Int64,
        allocatedBytes: Int64 = 0, device: DeviceNumber, inode: UInt64, modified: Int64,
        specialDevice: DeviceNumber? = nil
    ) {
        self.kind = kind
        self.permissions = permissions
        self.userID = userID
        self.groupID = groupID
        self.size = size
        self.allocatedBytes = allocatedBytes
        self.device = device
        self.inode = inode
        self.modified = modified
        self.specialDevice = specialDevice
    }

    /// What makes it the same file whatever it is called.
    public var identity: FileIdentity { FileIdentity(device: device, inode: inode) }
}

/// One name in a directory.
public struct DirectoryEntry: Sendable, Hashable {
    /// The name, never `.` or `..`.
    public var name: FilePath.Component

    /// What it names.
    public var kind: FileKind

    /// Creates an entry.
    public init(name: FilePath.Component, kind: FileKind) {
        self.name = name
        self.kind = kind
    }
}
