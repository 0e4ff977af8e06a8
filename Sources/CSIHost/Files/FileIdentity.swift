/// What makes a file the same file whatever it is called: its file system and its number there.
///
/// Names come and go, and a file that was removed and made again under its old name is another file. On btrfs each
/// subvolume has a device number of its own.
public struct FileIdentity: Sendable, Hashable, CustomStringConvertible {
    /// The device of the file system, as `stat` shows it.
    public var device: DeviceNumber

    /// The file's number in that file system.
    public var inode: UInt64

    /// Creates an identity.
    public init(device: DeviceNumber, inode: UInt64) {
        self.device = device
        self.inode = inode
    }

    /// The device and the inode, for example `8:1 inode 131`.
    public var description: String { "\(device) inode \(inode)" }
}
