public import CSIProto

/// Read one volume and its condition (ControllerGetVolume).
public struct GetVolume: ValidatedRequest {
    /// The volume.
    public let id: VolumeID

    /// Checks a message.
    /// - Throws: INVALID_ARGUMENT naming the first field that cannot be used.
    public init(validating wire: CSIv1.ControllerGetVolumeRequest) throws(CSIError) {
        id = try VolumeID(wire.volumeID)
    }

    /// The volume's id.
    public var subject: String? { id.rawValue }
}
