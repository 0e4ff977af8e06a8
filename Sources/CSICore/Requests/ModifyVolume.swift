public import CSIProto

/// Change the mutable parameters of a volume (ControllerModifyVolume).
public struct ModifyVolume: ValidatedRequest {
    /// The volume.
    public let id: VolumeID

    /// The parameters of the VolumeAttributesClass; keys that the driver does not know have been refused.
    public let parameters: Parameters

    /// What is needed to reach the storage system; cannot be printed.
    public let secrets: Secrets

    /// Checks a message.
    /// - Throws: INVALID_ARGUMENT naming the first field that cannot be used.
    public init(validating wire: CSIv1.ControllerModifyVolumeRequest) throws(CSIError) {
        id = try VolumeID(wire.volumeID)
        parameters = Parameters(
            try StringMap(validating: wire.mutableParameters, field: "mutable_parameters"), field: "mutable_parameters")
        secrets = try Secrets.validated(wire.secrets)
    }

    /// The volume.
    public var keys: [OperationKey] { [.volume(id)] }

    /// The volume's id.
    public var subject: String? { id.rawValue }
}
