public import CSIHost
public import SystemPackage

/// The block device of a volume, as the kernel shows it at one moment.
public struct VolumeDevice: Sendable, Hashable {
    /// The device's node.
    public let path: FilePath

    /// The device's number.
    public let number: DeviceNumber

    /// The size in bytes.
    public let size: Int64

    /// Whether nothing can be written to the device.
    public let isReadOnly: Bool

    /// The kernel's number of this attachment, never used again while the machine runs; nil before Linux 5.15.
    public let sequence: UInt64?

    /// The loop device that it is; nil for any other device.
    public let loop: LoopDevice?

    /// A loop device.
    public init(_ loop: LoopDevice) {
        path = loop.path
        number = loop.device
        size = loop.size
        isReadOnly = loop.isReadOnly
        sequence = loop.sequence
        self.loop = loop
    }

    /// A disk that somebody attached to the machine.
    public init(_ disk: BlockDevice) {
        path = disk.path
        number = disk.number
        size = disk.size
        isReadOnly = disk.isReadOnly
        sequence = disk.sequence
        loop = nil
    }
}

extension MountTable {
    /// The mounts of the file system on a device.
    public func mounts(of device: VolumeDevice) -> [MountEntry] {
        entries.filter { $0.shows(device) }
    }

    /// The mounts of a device's node: where a raw block volume is published.
    public func publications(of device: VolumeDevice) -> [MountEntry] {
        guard let origin = origin(of: device.path) else { return [] }
        return entries.filter { $0.origin == origin }
    }

    /// Whether a mount shows one of the devices, as a file system or as the device itself.
    func belongs(_ entry: MountEntry, to devices: [VolumeDevice]) -> Bool {
        devices.contains { entry.shows($0) || origin(of: $0.path) == entry.origin }
    }
}

extension MountEntry {
    /// Whether this is a mount of the file system on a device.
    public func shows(_ device: VolumeDevice) -> Bool {
        if self.device == device.number { return true }
        // Btrfs shows a number of its own, and names the device that it uses.
        return filesystemType == FileSystemKind.btrfs.rawValue && source == device.path.string
    }
}
