/// Mode, owner and group that a server's socket file gets.
public struct SocketOwnership: Sendable, Hashable {
    /// The permission bits; 0600 unless told otherwise.
    public var mode: UInt32

    /// The user that owns the file; nil leaves the process's own.
    public var userID: UInt32?

    /// The group of the file; nil leaves the process's own.
    public var groupID: UInt32?

    /// Ownership with these values.
    public init(mode: UInt32 = 0o600, userID: UInt32? = nil, groupID: UInt32? = nil) {
        self.mode = mode
        self.userID = userID
        self.groupID = groupID
    }
}
