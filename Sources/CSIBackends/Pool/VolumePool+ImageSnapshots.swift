public import CSICore
public import CSIHost
import Logging
import SystemPackage

/// Snapshots of image volumes in a pool that also keeps directories: made at one moment where the file system shares blocks,
/// else copied while nobody uses the volume, also after the call has been answered.
extension VolumePool {
    /// Takes a snapshot of an image volume: when it returns, the snapshot survives a crash, ready or not; when it throws,
    /// nothing is left of it.
    ///
    /// The caller holds the snapshot's key, and nobody removes the source meanwhile.
    /// - Parameters:
    ///   - record: The new snapshot.
    ///   - origin: How the image must be copied now.
    ///   - lock: The lock of the image, which is released.
    /// - Returns: Whether all of the content is there.
    /// - Throws: FAILED_PRECONDITION when the volume is in use and the file system cannot share blocks, RESOURCE_EXHAUSTED
    ///   when the pool has no room for a copy.
    public func addImageSnapshot(
        _ record: SnapshotRecord, from origin: ImageOrigin, _ lock: any HeldLock
    ) async throws(CSIError) -> Bool {
        defer { lock.release() }
        guard let source = record.source.pathComponent else { throw .notFound(.volume(record.source)) }
        let tree = try tree()
        let room = try await reserve(for: [record])
        defer { withExtendedLifetime(room) {} }
        var isWhole = false
        try await commit(record, in: tree) { (partial) async throws(CSIError) in
            let options = CopyOptions(sharing: .required, permissions: Self.imagePermissions)
            do throws(HostError) {
                try await tree.copyFile(
                    from: PoolLayout.image(in: PoolLayout.volume(source)), to: PoolLayout.image(in: partial),
                    options: options)
                isWhole = true
            } catch {
                guard error.kind == .notSupported else { throw CSIError(error) }
                guard origin.sharing != .required else { throw inUse(record.source, error.description) }
            }
        }
        remember(record, isReady: isWhole)
        guard !isWhole else { return true }
        lock.release()
        return try await finishTree(record, in: room)
    }

    /// Copies the image of a snapshot whose record is there already.
    func copyImage(of record: SnapshotRecord, _ copy: SnapshotCopy) async throws(CSIError) {
        guard let component = record.component, record.source.pathComponent != nil else { return }
        let lock = try await lockImage(of: record.source)
        defer { lock.release() }
        let (image, tree) = try imageFile(of: record.source)
        let directory = PoolLayout.snapshot(component)
        let partial = PoolLayout.partialImage(in: directory)
        let options = imageOptions(partial, sharing: .preferred, copy)
        let started = host.clock.now
        _ = try await withHostErrors { () async throws(HostError) in try await tree.removeFile(partial) }
        // The lock keeps the volume from being attached from here on.
        guard try await withHostErrors({ () async throws(HostError) in try await !tree.isOpen(image) }) else {
            throw inUse(record.source, "a copy that takes time is of no single moment")
        }
        try await withHostErrors { () async throws(HostError) in
            try await tree.copyFile(from: image, to: partial, options: options)
            try await tree.renameDurably(from: partial, to: PoolLayout.image(in: directory))
        }
        logger.info(
            "snapshot copied",
            metadata: [
                "snapshot": "\(record.id)", "volume": "\(record.source)", "duration": "\(host.clock.now - started)",
            ])
    }

    /// The refusal to copy what is in use where blocks cannot be shared.
    func inUse(_ id: VolumeID, _ reason: String? = nil) -> CSIError {
        .preconditionFailed(
            "volume \"\(id)\" is in use, and the file system of the pool \(path) cannot copy it in one moment; unpublish it "
                + "first, or put the pool on XFS or Btrfs" + (reason.map { ": \($0)" } ?? ""))
    }
}
