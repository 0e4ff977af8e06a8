public import CSICore
import CSIHost
public import CSIPool
import SystemPackage

/// Copies of images that may be in use.
extension ImageDevices {
    /// How the image of a volume must be copied now, its lock held by the caller until the copy is made.
    ///
    /// An image that is used must be copied in one moment, so by sharing its blocks, and with its writers held back where it has
    /// a file system; a raw one with what was written so far. One that rests can be copied anyhow.
    /// - Parameters:
    ///   - record: The volume.
    ///   - freezes: Whether the writers of a mounted file system are held back.
    /// - Throws: FAILED_PRECONDITION when the image is gone or cut short, or is used where this process cannot hold writers back.
    public func origin(of record: VolumeRecord, freezes: Bool) async throws(CSIError) -> ImageOrigin {
        let id = record.id
        _ = try await usableImage(of: record)
        let devices = try await devices(of: id).filter { !$0.isReadOnly }
        guard !devices.isEmpty else {
            try await requireUnlocked(id)
            return ImageOrigin(.volume(id))
        }
        guard freezes else {
            // What was written through a device's node is in its page cache, and not in the file that is copied.
            for device in devices {
                try await withHostErrors { () async throws(HostError) in try await host.devices.flush(device.path) }
            }
            return ImageOrigin(.volume(id), sharing: .required)
        }
        let selection = MountSelection(devices: devices.map(\.number))
        let table = try await withHostErrors { () async throws(HostError) in
            try await host.mounts.mountTable(of: selection)
        }
        let mounts = devices.flatMap { table.mounts(of: $0) }
        guard let writable = mounts.first(where: { !$0.isReadOnly }) else {
            for device in devices where mounts.isEmpty {
                let isInUse = try await withHostErrors { () async throws(HostError) in
                    try await host.devices.isInUse(device.path)
                }
                guard !isInUse else {
                    throw .preconditionFailed(
                        "volume \"\(id)\" is in use as \(device.path), and this process does not see where it is mounted, so "
                            + "it cannot hold back writers; mount the kubelet's directory into it, or set fsFreeze to false"
                    )
                }
            }
            return ImageOrigin(.volume(id), sharing: .required)
        }
        return ImageOrigin(.volume(id), sharing: .required, freezing: writable.mountPoint)
    }
}
