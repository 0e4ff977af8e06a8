import CSICore
import CSIHost
import CSIPool
import SystemPackage

/// What a copy is made of.
struct SourceContent: Sendable {
    /// The size in bytes.
    let size: Int64
    /// What the volume is, or was when the snapshot was taken.
    let traits: VolumeTraits
    /// The image, and how it must be copied.
    let origin: ImageOrigin
    /// Keeps the node from working on the image meanwhile; nil for a snapshot, on which nobody works.
    let lock: (any HeldLock)?
}

extension LoopbackDriver {
    /// The present content of a volume, locked: the caller releases the lock when the copy is made.
    func content(of id: VolumeID) async throws(CSIError) -> SourceContent {
        guard let record = try await pool.record(id) else { throw .notFound(.volume(id)) }
        let traits = try VolumeTraits(record.attributes, of: .volume(id))
        let lock = try await pool.lockImage(of: id)
        do throws(CSIError) {
            let image = try await usableImage(of: record)
            return SourceContent(
                size: record.capacity, traits: traits, origin: try await origin(of: id, traits, image), lock: lock)
        } catch {
            lock.release()
            throw error
        }
    }

    /// An image that is used must be copied in one moment, so by sharing its blocks; one that rests can be copied anyhow.
    private func origin(
        of id: VolumeID, _ traits: VolumeTraits, _ image: FileMetadata
    ) async throws(CSIError) -> ImageOrigin {
        let devices = try await devices(showing: image).filter { !$0.isReadOnly }
        guard !devices.isEmpty else { return ImageOrigin(.volume(id)) }
        guard !traits.isBlock, traits.freezes else { return ImageOrigin(.volume(id), sharing: .required) }
        let table = try await mountTable()
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
