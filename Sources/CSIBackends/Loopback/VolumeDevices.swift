import CSICore
import CSIHost
import CSIPool
import SystemPackage

/// Which device shows which volume: decided by the file behind the device.
extension LoopbackDriver {
    /// The image of a volume, if a device can be made of it.
    /// - Throws: FAILED_PRECONDITION when it is gone or has been cut short: whatever is done with it could lose more.
    func usableImage(of record: VolumeRecord) async throws(CSIError) -> FileMetadata {
        let path = pool.imagePath(of: record.id)
        guard let image = try await pool.image(of: record.id) else {
            throw .preconditionFailed("volume \"\(record.id)\" has lost its image \"\(path)\"; restore the file")
        }
        guard image.kind == .regular else {
            throw .preconditionFailed("the image \"\(path)\" of volume \"\(record.id)\" is not a regular file")
        }
        guard image.size >= record.capacity else {
            throw .preconditionFailed(
                "the image \"\(path)\" of volume \"\(record.id)\" has \(image.size) bytes and must have "
                    + "\(record.capacity): it was cut short; restore the file")
        }
        return image
    }

    /// The devices that show an image.
    func devices(showing image: FileMetadata) async throws(CSIError) -> [LoopDevice] {
        try await withHostErrors { () async throws(HostError) in try await host.loops.attached(to: image.identity) }
    }

    /// The devices of a volume, also when its image has been removed or replaced: then by the name given at attaching.
    func devices(of id: VolumeID) async throws(CSIError) -> [LoopDevice] {
        let identity = try await pool.image(of: id)?.identity
        return try await withHostErrors { () async throws(HostError) in
            // Another driver's pool may hold a volume of the same id.
            let ours = pool.path.string + "/"
            return try await host.loops.list().filter { (device) in
                device.backing == identity || device.name == id.rawValue && device.backingPath.hasPrefix(ours)
            }
        }
    }

    /// The one device of an image; nil when it has none.
    /// - Throws: FAILED_PRECONDITION when another program attached it, in a way that could harm.
    func soleDevice(showing image: FileMetadata, of id: VolumeID) async throws(CSIError) -> LoopDevice? {
        let devices = try await devices(showing: image)
        guard let device = devices.first else { return nil }
        let isForeign = device.isDetachedOnLastClose || device.offset != 0
        guard devices.count == 1, !isForeign else {
            let names = devices.map(\.path.string).joined(separator: ", ")
            throw .preconditionFailed(
                "the image of volume \"\(id)\" is attached as \(names), by another program or in another way than this "
                    + "driver does; detach it")
        }
        return device
    }
}

extension MountTable {
    /// The mounts of the file system on a device.
    func mounts(of device: LoopDevice) -> [MountEntry] {
        entries.filter { $0.shows(device) }
    }

    /// The mounts of a device's node: where a raw block volume is published.
    func publications(of device: LoopDevice) -> [MountEntry] {
        guard let origin = origin(of: device.path) else { return [] }
        return entries.filter { $0.origin == origin }
    }
}

extension MountEntry {
    /// Whether this is a mount of the file system on a device.
    func shows(_ device: LoopDevice) -> Bool {
        if self.device == device.device { return true }
        // Btrfs shows a number of its own, and names the device that it uses.
        return filesystemType == FileSystemKind.btrfs.rawValue && source == device.path.string
    }
}
