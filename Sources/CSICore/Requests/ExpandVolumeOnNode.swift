public import CSIProto

/// Make what a node shows of a volume as large as the volume (NodeExpandVolume).
public struct ExpandVolumeOnNode: ValidatedRequest {
    /// The volume.
    public let id: VolumeID

    /// Where the volume is published or staged.
    public let path: AbsolutePath

    /// The size wanted; nil for as large as the volume is.
    public let capacity: CapacityRange?

    /// Where the volume is staged; nil when the caller does not say.
    public let stagingPath: AbsolutePath?

    /// How the volume is used; nil when the caller does not say.
    public let capability: VolumeCapability?

    /// What is needed to reach the storage system; cannot be printed.
    public let secrets: Secrets

    /// Checks a message.
    /// - Throws: INVALID_ARGUMENT naming the first field that cannot be used.
    public init(validating wire: CSIv1.NodeExpandVolumeRequest) throws(CSIError) {
        id = try VolumeID(wire.volumeID)
        path = try AbsolutePath(wire.volumePath, field: "volume_path")
        if let range = wire.capacityRange {
            capacity = try CapacityRange(validating: range)
        } else {
            capacity = nil
        }
        stagingPath =
            wire.stagingTargetPath.isEmpty
            ? nil : try AbsolutePath(wire.stagingTargetPath, field: "staging_target_path")
        if let capability = wire.volumeCapability {
            self.capability = try VolumeCapability(validating: capability, field: "volume_capability")
        } else {
            capability = nil
        }
        secrets = try Secrets.validated(wire.secrets)
    }

    /// What the volume is on this node.
    public var keys: [OperationKey] { [.nodeVolume(id)] }

    /// The volume.
    public var sharedKeys: [OperationKey] { [.volume(id)] }

    /// The volume's id.
    public var subject: String? { id.rawValue }
}
