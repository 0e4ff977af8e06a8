public import SystemPackage

/// A file attached as a block device, as the kernel shows it at one moment.
public struct LoopDevice: Sendable, Hashable {
    /// How many loop devices a machine can have: the kernel's minor numbers, without partitions.
    public static let maximumCount: Int64 = 1 << 20

    /// The number in the device's name, which is used again once it is free.
    public var number: Int

    /// The device's node.
    public var path: FilePath

    /// The device's number.
    public var device: DeviceNumber

    /// The attached file: the only thing to recognise it by.
    public var backing: FileIdentity

    /// Where the file is, for humans.
    ///
    /// It may have been renamed, and another namespace may call it something else. A removed file's path ends in ` (deleted)`.
    public var backingPath: String

    /// What ``LoopOptions/name`` was at attaching; other programs put the file's path here.
    public var name: String

    /// Whether nothing can be written through the device.
    public var isReadOnly: Bool

    /// Whether the device goes around the page cache of the file's file system.
    public var isDirectIO: Bool

    /// Whether the device detaches itself when its last user closes it.
    ///
    /// This library never attaches so; a device in this state was attached by another program, or is being detached and
    /// still in use. Do not start to use one: it can become another file's device at any moment.
    public var isDetachedOnLastClose: Bool

    /// The logical sector size in bytes.
    public var sectorSize: Int

    /// Where in the file the device's first byte is; 0 unless another program attached it.
    public var offset: Int64

    /// The size of the device in bytes, which is the file's when it was attached or refreshed.
    public var size: Int64

    /// The kernel's number of this attachment, never used again while the machine runs; nil before Linux 5.15.
    public var sequence: UInt64?

    /// Creates the description of a device.
    public init(
        number: Int, path: FilePath, device: DeviceNumber, backing: FileIdentity, backingPath: String, name: String,
        isReadOnly: Bool, isDirectIO: Bool, isDetachedOnLastClose: Bool = false, sectorSize: Int, offset: Int64 = 0,
        size: Int64, sequence: UInt64?
    ) {
        self.number = number
        self.path = path
        self.device = device
        self.backing = backing
        self.backingPath = backingPath
        self.name = name
        self.isReadOnly = isReadOnly
        self.isDirectIO = isDirectIO
        self.isDetachedOnLastClose = isDetachedOnLastClose
        self.sectorSize = sectorSize
        self.offset = offset
        self.size = size
        self.sequence = sequence
    }
}
