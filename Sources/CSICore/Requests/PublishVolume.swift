public import CSIProto

/// Make a volume visible at a path of this node (NodePublishVolume).
public struct PublishVolume: ValidatedRequest {
    /// The volume.
    public let id: VolumeID

    /// Where the volume shall appear; its parent exists.
    public let target: AbsolutePath

    /// Where the volume was staged; nil when the driver does not stage.
    public let stagingPath: AbsolutePath?

    /// How the volume is to be used.
    public let capability: VolumeCapability

    /// Whether nothing may be written through this target.
    public let isReadOnly: Bool

    /// What ControllerPublishVolume returned.
    public let publishContext: StringMap

    /// What CreateVolume returned, and what the kubelet adds.
    public let volumeContext: StringMap

    /// The pod that the volume is published for, when the kubelet tells.
    public var pod: PodInfo? { PodInfo(volumeContext) }

    /// Whether the volume lives only as long as its pod and nobody has created it (an inline ephemeral volume).
    public var isEphemeral: Bool { volumeContext["csi.storage.k8s.io/ephemeral"] == "true" }

    /// What is needed to reach the storage system; cannot be printed.
    public let secrets: Secrets

    /// Checks a message.
    /// - Throws: INVALID_ARGUMENT naming the first field that cannot be used.
    public init(validating wire: CSIv1.NodePublishVolumeRequest) throws(CSIError) {
        id = try VolumeID(wire.volumeID)
        target = try AbsolutePath(wire.targetPath, field: "target_path")
        stagingPath =
            wire.stagingTargetPath.isEmpty
            ? nil : try AbsolutePath(wire.stagingTargetPath, field: "staging_target_path")
        guard let capability = wire.volumeCapability else { throw .missing("volume_capability") }
        self.capability = try VolumeCapability(validating: capability, field: "volume_capability")
        isReadOnly = wire.readonly || self.capability.mode.isReadOnly
        publishContext = try StringMap(validating: wire.publishContext, field: "publish_context")
        volumeContext = try StringMap(validating: wire.volumeContext, field: "volume_context")
        secrets = try Secrets.validated(wire.secrets)
    }

    /// What the volume is on this node, and the path.
    public var keys: [OperationKey] { [.nodeVolume(id), .path(target)] }

    /// The volume.
    public var sharedKeys: [OperationKey] { [.volume(id)] }

    /// The volume's id.
    public var subject: String? { id.rawValue }
}
