public import CSIProto

/// Prepare a volume on this node, once for all its targets (NodeStageVolume).
public struct StageVolume: ValidatedRequest {
    /// The volume.
    public let id: VolumeID

    /// Where the volume is to be staged; the directory exists.
    public let stagingPath: AbsolutePath

    /// How the volume is to be used.
    public let capability: VolumeCapability

    /// What ControllerPublishVolume returned.
    public let publishContext: StringMap

    /// What CreateVolume returned.
    public let volumeContext: StringMap

    /// What is needed to reach the storage system; cannot be printed.
    public let secrets: Secrets

    /// Checks a message.
    /// - Throws: INVALID_ARGUMENT naming the first field that cannot be used.
    public init(validating wire: CSIv1.NodeStageVolumeRequest) throws(CSIError) {
        id = try VolumeID(wire.volumeID)
        stagingPath = try AbsolutePath(wire.stagingTargetPath, field: "staging_target_path")
        guard let capability = wire.volumeCapability else { throw .missing("volume_capability") }
        self.capability = try VolumeCapability(validating: capability, field: "volume_capability")
        publishContext = try StringMap(validating: wire.publishContext, field: "publish_context")
        volumeContext = try StringMap(validating: wire.volumeContext, field: "volume_context")
        secrets = try Secrets.validated(wire.secrets)
    }

    /// What the volume is on this node, and the path.
    public var keys: [OperationKey] { [.nodeVolume(id), .path(stagingPath)] }

    /// The volume.
    public var sharedKeys: [OperationKey] { [.volume(id)] }

    /// The volume's id.
    public var subject: String? { id.rawValue }
}
