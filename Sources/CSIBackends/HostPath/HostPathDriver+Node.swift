public import CSICore
import CSIPool

extension HostPathDriver: NodeHealthReporting, NodeExpanding, MountGroupApplying {
    /// Bind-mounts the volume's directory, or its device, at the target, read-only from its first moment where that is asked
    /// for.
    public func publish(_ request: PublishVolume) async throws(CSIError) {
        if request.isEphemeral { return try await publishEphemeral(request) }
        guard let (record, member) = try await pools.find(request.id) else { throw .notFound(.volume(request.id)) }
        try record.requireKind(of: request.capability)
        guard record.content == .directory else { return try await publishImage(request, in: member) }
        try await member.pool.publish(request)
    }

    /// Unmounts whatever shows the volume at the target and removes the mount point.
    public func unpublish(_ request: UnpublishVolume) async throws(CSIError) {
        if let (record, member) = try await findEphemeral(request.id) {
            return try await unpublishEphemeral(request, record, in: member)
        }
        if let member = try await imageMember(of: request) { return try await unpublishImage(request, in: member) }
        // What shows the volume is told by its id alone, so any pool will do, also when the volume is gone.
        try await pools.standard?.pool.unpublish(request)
    }

    /// The figures of the volume where its size is counted, else those of the file system that it shares, and whether the
    /// volume is well.
    public func stats(_ request: GetVolumeStats) async throws(CSIError) -> VolumeStats {
        if let (record, member) = try await findEphemeral(request.id) {
            return try await member.pool.stats(request, as: record.id)
        }
        guard let (record, member) = try await pools.find(request.id) else { throw .notFound(.volume(request.id)) }
        guard record.content == .directory else { return try await imageStats(request, record, in: member) }
        return try await member.pool.stats(request)
    }

    /// Makes the limit of a published volume what the volume was promised, or its device as large as its image; where this process manages the pool, that
    /// grows as well.
    public func expandOnNode(_ request: ExpandVolumeOnNode) async throws(CSIError) -> Int64 {
        guard let (record, member) = try await pools.find(request.id) else { throw .notFound(.volume(request.id)) }
        guard record.content == .directory else { return try await expandImage(request, record, in: member) }
        try await member.pool.requirePublished(record.id, at: request.path)
        guard let range = request.capacity, try range.size(fallback: record.capacity) > record.capacity else {
            try await member.pool.applyLimits(of: record)
            return record.capacity
        }
        guard role != .node else {
            throw .preconditionFailed(
                "volume \"\(record.id)\" has \(record.capacity) bytes; the controller makes it larger first")
        }
        return try await grow(record, to: range, in: member)
    }
}
