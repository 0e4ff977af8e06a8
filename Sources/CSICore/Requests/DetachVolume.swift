public import CSIProto

/// Take a volume away from a node (ControllerUnpublishVolume); the absent is success.
public struct DetachVolume: ValidatedRequest {
    /// The volume.
    public let id: VolumeID

    /// The node; nil for every node.
    public let node: NodeID?

    /// What is needed to reach the storage system; cannot be printed.
    public let secrets: Secrets

    /// Checks a message.
    /// - Throws: INVALID_ARGUMENT naming the first field that cannot be used.
    public init(validating wire: CSIv1.ControllerUnpublishVolumeRequest) throws(CSIError) {
        id = try VolumeID(wire.volumeID)
        node = wire.nodeID.isEmpty ? nil : try NodeID(wire.nodeID)
        secrets = try Secrets.validated(wire.secrets)
    }

    /// Where the volume is attached.
    public var keys: [OperationKey] { [.attachment(id)] }

    /// The volume.
    public var sharedKeys: [OperationKey] { [.volume(id)] }

    /// The volume's id.
    public var subject: String? { id.rawValue }
}
