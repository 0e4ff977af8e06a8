public import CSIProto

/// Make a volume available on a node (ControllerPublishVolume).
public struct AttachVolume: ValidatedRequest {
    /// The volume.
    public let id: VolumeID

    /// The node.
    public let node: NodeID

    /// How the volume is to be used.
    public let capability: VolumeCapability

    /// Whether nothing may be written from that node.
    public let isReadOnly: Bool

    /// What CreateVolume returned.
    public let volumeContext: StringMap

    /// What is needed to reach the storage system; cannot be printed.
    public let secrets: Secrets

    /// Checks a message.
    /// - Throws: INVALID_ARGUMENT naming the first field that cannot be used.
    public init(validating wire: CSIv1.ControllerPublishVolumeRequest) throws(CSIError) {
        id = try VolumeID(wire.volumeID)
        node = try NodeID(wire.nodeID)
        guard let capability = wire.volumeCapability else { throw .missing("volume_capability") }
        self.capability = try VolumeCapability(validating: capability, field: "volume_capability")
        isReadOnly = wire.readonly
        volumeContext = try StringMap(validating: wire.volumeContext, field: "volume_context")
        secrets = try Secrets.validated(wire.secrets)
    }

    /// Where the volume is attached.
    public var keys: [OperationKey] { [.attachment(id)] }

    /// The volume.
    public var sharedKeys: [OperationKey] { [.volume(id)] }

    /// The volume's id.
    public var subject: String? { id.rawValue }
}
