import CSIBlock
import CSICore
import CSIHost
import CSIPool

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
            var origin = try await devices.origin(of: record, freezes: !traits.isBlock && traits.freezes)
            origin.lock = lock
            return SourceContent(
                size: try await pool.contentSize(of: record), traits: traits, origin: origin, lock: lock)
        } catch {
            lock.release()
            throw error
        }
    }
}
