public import SystemPackage

/// The part of the mount table that an operation needs, so that it need not read the mounts of everybody else on the machine.
///
/// What ``MountTable`` answers about the paths, devices and sources named here is the same from the selected part as from the
/// whole table.
public struct MountSelection: Sendable, Hashable {
    /// The mounts on the way to each of these paths, and those stacked at it.
    public var paths: [FilePath]

    /// The mounts of the file systems on these devices.
    ///
    /// Btrfs shows a number of its own in place of its device's, so all mounts of btrfs are selected with any device.
    public var devices: [DeviceNumber]

    /// The mounts that show exactly one of these files or directories, wherever they are, and those on the way to it.
    public var sources: [FilePath]

    /// Creates a selection; what is left out is not asked for.
    public init(paths: [FilePath] = [], devices: [DeviceNumber] = [], sources: [FilePath] = []) {
        self.paths = paths
        self.devices = devices
        self.sources = sources
    }

    /// Whether a mount belongs to one of the devices, or may.
    func covers(_ device: DeviceNumber, isBtrfs: Bool) -> Bool {
        !devices.isEmpty && (isBtrfs || devices.contains(device))
    }
}

extension MountTable {
    /// The entries of the table that a selection asks for, in the table's order.
    public func selecting(_ selection: MountSelection) -> MountTable {
        var onTheWay: Set<Int> = []
        for path in selection.paths + selection.sources { onTheWay.formUnion(chain(to: path).map(\.mountID)) }
        let origins = selection.sources.compactMap { origin(of: $0) }
        return MountTable(
            entries: entries.filter { entry in
                let isBtrfs = entry.filesystemType == FileSystemKind.btrfs.rawValue
                return onTheWay.contains(entry.mountID) || origins.contains(entry.origin)
                    || selection.covers(entry.device, isBtrfs: isBtrfs)
            })
    }
}
