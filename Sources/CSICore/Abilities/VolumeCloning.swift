/// A driver that makes volumes from volumes: CLONE_VOLUME.
public protocol VolumeCloning: VolumeProvisioning {
    /// Makes a volume with the present content of another; like ``VolumeProvisioning/create(_:)``, with content.
    /// - Throws: NOT_FOUND when there is no such volume; RESOURCE_EXHAUSTED when it lives on another node.
    func clone(_ request: CreateVolume, from volume: VolumeID) async throws(CSIError) -> Volume
}
