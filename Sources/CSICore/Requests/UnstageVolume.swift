public import CSIProto

/// Undo the preparation of a volume on this node (NodeUnstageVolume); the absent is success.
public struct UnstageVolume: ValidatedRequest {
    /// The volume.
    public let id: VolumeID

    /// Where the volume is staged.
    public let stagingPath: AbsolutePath

    /// Checks a message.
    /// - Throws: INVALID_ARGUMENT naming the first field that cannot be used.
    public init(validating wire: CSIv1.NodeUnstageVolumeRequest) throws(CSIError) {
        id = try VolumeID(wire.volumeID)
        stagingPath = try AbsolutePath(wire.stagingTargetPath, field: "staging_target_path")
    }

    /// What the volume is on this node, and the path.
    public var keys: [OperationKey] { [.nodeVolume(id), .path(stagingPath)] }

    /// The volume.
    public var sharedKeys: [OperationKey] { [.volume(id)] }

    /// The volume's id.
    public var subject: String? { id.rawValue }
}
