public import CSICore
import CSIPool

extension HostPathDriver: NodeHealthReporting {
    /// Bind-mounts the volume's directory at the target, read-only from its first moment where that is asked for.
    public func publish(_ request: PublishVolume) async throws(CSIError) {
        try await pool.publish(request)
    }

    /// Unmounts whatever shows the volume at the target and removes the mount point.
    public func unpublish(_ request: UnpublishVolume) async throws(CSIError) {
        try await pool.unpublish(request)
    }

    /// The figures of the file system that the volume shares, and whether the volume is well.
    public func stats(_ request: GetVolumeStats) async throws(CSIError) -> VolumeStats {
        try await pool.stats(request)
    }
}
