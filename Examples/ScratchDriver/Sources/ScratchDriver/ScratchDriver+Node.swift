import CSICore
import CSIPool

extension ScratchDriver: VolumePublishing {
    func publish(_ request: PublishVolume) async throws(CSIError) {
        try await pool.publish(request)
    }

    func unpublish(_ request: UnpublishVolume) async throws(CSIError) {
        try await pool.unpublish(request)
    }

    func stats(_ request: GetVolumeStats) async throws(CSIError) -> VolumeStats {
        try await pool.stats(request)
    }
}
