public import CSIProto

/// Ask whether an existing volume can be used in the ways given.
public struct ValidateVolumeCapabilities: ValidatedRequest {
    /// The volume.
    public let id: VolumeID

    /// The volume's context as CreateVolume returned it.
    public let context: StringMap

    /// The ways of use to be confirmed; never empty, never block and mount together.
    public let capabilities: [VolumeCapability]

    /// The parameters the volume is believed to have been made with.
    public let parameters: Parameters

    /// The mutable parameters the volume is believed to have.
    public let mutableParameters: Parameters

    /// What is needed to reach the storage system; cannot be printed.
    public let secrets: Secrets

    /// Checks a message.
    /// - Throws: INVALID_ARGUMENT naming the first field that cannot be used.
    public init(validating wire: CSIv1.ValidateVolumeCapabilitiesRequest) throws(CSIError) {
        id = try VolumeID(wire.volumeID)
        context = try StringMap(validating: wire.volumeContext, field: "volume_context")
        capabilities = try VolumeCapability.list(validating: wire.volumeCapabilities)
        parameters = Parameters(try StringMap(validating: wire.parameters, field: "parameters"))
        mutableParameters = Parameters(
            try StringMap(validating: wire.mutableParameters, field: "mutable_parameters"), field: "mutable_parameters")
        secrets = try Secrets.validated(wire.secrets)
    }

    /// The volume's id.
    public var subject: String? { id.rawValue }
}
