/// How a file is attached as a loop device.
public struct LoopOptions: Sendable, Hashable {
    /// The logical sector size of the device.
    public enum SectorSize: Int, Sendable, Hashable, CaseIterable {
        /// What every disk can be asked for.
        case bytes512 = 512
        /// What current disks have: a write of less is never half done.
        case bytes4096 = 4096
    }

    /// Whether the device goes around the page cache of the file's file system, so that data is not cached twice.
    public enum DirectIO: Sendable, Hashable {
        /// It must: where the file system cannot, attaching fails with kind `notSupported`.
        case required
        /// It does where the file system can; ``LoopDevice/isDirectIO`` says which.
        case preferred
        /// It does not.
        case off
    }

    /// The longest ``name`` in bytes.
    public static let maximumNameLength = 63

    /// Whether nothing can be written through the device.
    public var isReadOnly: Bool

    /// The logical sector size; the size of the file must be a multiple of it.
    public var sectorSize: SectorSize

    /// Whether the page cache is passed by.
    public var directIO: DirectIO

    /// Whether blocks that a user of the device discards are given back by the file.
    ///
    /// A device that does not take discards keeps the room of an ``FileAllocation/allocated`` file. The device is told
    /// below `/sys` then, which has to be writable; when it is detached, it is removed, because it could not be told otherwise again.
    public var takesDiscards: Bool

    /// What tools show beside the device, for example the volume's id: at most 63 bytes of UTF-8 without NUL.
    public var name: String

    /// Creates options.
    public init(
        name: String, isReadOnly: Bool = false, sectorSize: SectorSize = .bytes4096, directIO: DirectIO = .preferred,
        takesDiscards: Bool = true
    ) {
        self.name = name
        self.isReadOnly = isReadOnly
        self.sectorSize = sectorSize
        self.directIO = directIO
        self.takesDiscards = takesDiscards
    }
}
