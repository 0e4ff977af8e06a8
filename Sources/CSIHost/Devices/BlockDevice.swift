public import SystemPackage

/// A block device, as the kernel shows it at one moment.
public struct BlockDevice: Sendable, Hashable {
    /// The kernel's name, for example `sda` or `nvme0n1p1`.
    public var name: String

    /// The device's node, for example `/dev/sda`.
    public var path: FilePath

    /// The device's number.
    public var number: DeviceNumber

    /// The links to the node that udevd made, such as `/dev/disk/by-id/...`; empty where no udevd runs.
    public var links: [FilePath]

    /// The size in bytes.
    public var size: Int64

    /// The smallest unit of a request, in bytes.
    public var logicalSectorSize: Int

    /// The smallest unit that the device writes without reading first, in bytes.
    public var physicalSectorSize: Int

    /// Whether nothing can be written to the device.
    public var isReadOnly: Bool

    /// Whether the medium can be taken out.
    public var isRemovable: Bool

    /// Whether it is a part of another device.
    public var isPartition: Bool

    /// The kernel's names of the devices built on this one (device mapper, RAID), sorted.
    public var holders: [String]

    /// The serial number that the device reports; nil when it has none.
    public var serial: String?

    /// The world-wide identifier that the device reports; nil when it has none.
    public var worldWideID: String?

    /// The kernel's number of the medium, never used again while the machine runs; nil before Linux 5.15.
    public var sequence: UInt64?

    /// Creates the description of a device.
    public init(
        name: String, path: FilePath, number: DeviceNumber, links: [FilePath] = [], size: Int64,
        logicalSectorSize: Int = 512, physicalSectorSize: Int = 512, isReadOnly: Bool = false,
        isRemovable: Bool = false, isPartition: Bool = false, holders: [String] = [], serial: String? = nil,
        worldWideID: String? = nil, sequence: UInt64? = nil
    ) {
        self.name = name
        self.path = path
        self.number = number
        self.links = links
        self.size = size
        self.logicalSectorSize = logicalSectorSize
        self.physicalSectorSize = physicalSectorSize
        self.isReadOnly = isReadOnly
        self.isRemovable = isRemovable
        self.isPartition = isPartition
        self.holders = holders
        self.serial = serial
        self.worldWideID = worldWideID
        self.sequence = sequence
    }
}
