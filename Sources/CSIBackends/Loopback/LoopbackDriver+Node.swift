import CSIBlock
public import CSICore
import CSIHost
import CSIPool

extension LoopbackDriver: VolumeStaging, NodeExpanding, NodeHealthReporting, MountGroupApplying {
    /// How many volumes the node can publish: what the operator allows, and not more than other programs leave of the kernel's
    /// loop devices, as of the last stage.
    public var maximumVolumesPerNode: Int64 { devices.maximumCount(limit: configuration.maximumVolumesPerNode) }

    /// Attaches the image, makes a file system if there never was one, and mounts it; or only attaches it, for raw block.
    public func stage(_ request: StageVolume) async throws(CSIError) {
        let lock = try await pool.lockImage(of: request.id)
        defer { lock.release() }
        // Read under the lock: a delete that was faster has taken the record away.
        let (record, volume) = try await known(request.id)
        _ = try await devices.usableImage(of: record)
        if record.isThick { try await pool.refillImage(of: record.id) }
        // Devices of others that cannot be looked at are no reason not to stage.
        try? await devices.recount()
        try await node.stage(request, volume)
    }

    /// Unmounts the file system and detaches the device.
    public func unstage(_ request: UnstageVolume) async throws(CSIError) {
        let lock: (any HeldLock)? =
            try await pool.image(of: request.id) == nil ? nil : try await pool.lockImage(of: request.id)
        defer { lock?.release() }
        try await node.unstage(request)
    }

    /// Bind-mounts what is staged at the target, if it is this volume's device that is staged; read-only from its first
    /// moment where that is asked for.
    public func publish(_ request: PublishVolume) async throws(CSIError) {
        let (record, volume) = try await known(request.id)
        if let refusal = volume.refusal(of: request.capability) {
            throw .preconditionFailed("volume \"\(record.id)\" cannot be used that way: \(refusal)")
        }
        _ = try await devices.usableImage(of: record)
        // A raw device may be exchanged for one that is read-only; a mounted one stays.
        let lock: (any HeldLock)? = request.capability.isBlock ? try await pool.lockImage(of: record.id) : nil
        defer { lock?.release() }
        try await node.publish(request, volume)
    }

    /// Unmounts whatever shows the volume at the target and removes the mount point.
    public func unpublish(_ request: UnpublishVolume) async throws(CSIError) {
        try await node.unpublish(request)
    }

    /// How full the file system or the block device at the path is, and whether it is well.
    public func stats(_ request: GetVolumeStats) async throws(CSIError) -> VolumeStats {
        try await node.stats(request, known(request.id).volume)
    }

    /// Grows the device to its image and the file system to its device, while it is used.
    ///
    /// A process that manages the pool grows the image first, where the controller of the cluster only said that the node does it.
    public func expandOnNode(_ request: ExpandVolumeOnNode) async throws(CSIError) -> Int64 {
        var (record, volume) = try await known(request.id)
        if role != .node, let range = request.capacity, let required = range.required, required > record.capacity {
            try await node.requirePresent(request)
            record = try await grow(record, to: range)
            volume.capacity = record.capacity
        }
        let lock = try await pool.lockImage(of: record.id)
        defer { lock.release() }
        _ = try await devices.usableImage(of: record)
        let size = try await node.expand(request, volume)
        // A file system zeroes the tables of what it has grown by.
        if record.isThick { try await pool.refillImage(of: record.id) }
        return size
    }

    private func known(_ id: VolumeID) async throws(CSIError) -> (record: VolumeRecord, volume: BlockVolume) {
        guard let record = try await pool.record(id) else { throw .notFound(.volume(id)) }
        return (record, try VolumeTraits(record.attributes, of: .volume(record.id)).volume(record))
    }
}
