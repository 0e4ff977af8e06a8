public import SystemPackage

/// The directory that pods see, as it is made.
public struct DataDirectory: Sendable, Hashable {
    /// The mode.
    public var permissions: FilePermissions

    /// The owner; nil for the process's own.
    public var userID: UInt32?

    /// The group; nil for the process's own.
    public var groupID: UInt32?

    /// Whether the volume's size is held where the file system of the pool can do that; a volume of a pool that cannot has
    /// no quota in its record.
    public var isLimited: Bool

    /// Creates a description.
    public init(
        permissions: FilePermissions, userID: UInt32? = nil, groupID: UInt32? = nil, isLimited: Bool = false
    ) {
        self.permissions = permissions
        self.userID = userID
        self.groupID = groupID
        self.isLimited = isLimited
    }
}
