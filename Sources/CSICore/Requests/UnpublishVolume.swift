public import CSIProto

/// Take a volume away from a path of this node (NodeUnpublishVolume); the absent is success.
public struct UnpublishVolume: ValidatedRequest {
    /// The volume.
    public let id: VolumeID

    /// Where the volume appears.
    public let target: AbsolutePath

    /// Checks a message.
    /// - Throws: INVALID_ARGUMENT naming the first field that cannot be used.
    public init(validating wire: CSIv1.NodeUnpublishVolumeRequest) throws(CSIError) {
        id = try VolumeID(wire.volumeID)
        target = try AbsolutePath(wire.targetPath, field: "target_path")
    }

    /// What the volume is on this node, and the path.
    public var keys: [OperationKey] { [.nodeVolume(id), .path(target)] }

    /// The volume.
    public var sharedKeys: [OperationKey] { [.volume(id)] }

    /// The volume's id.
    public var subject: String? { id.rawValue }
}
