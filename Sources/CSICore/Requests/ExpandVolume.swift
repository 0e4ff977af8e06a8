public import CSIProto

/// Make a volume larger (ControllerExpandVolume).
public struct ExpandVolume: ValidatedRequest {
    /// The volume.
    public let id: VolumeID

    /// The size wanted.
    public let capacity: CapacityRange

    /// How the volume is used; nil when the caller does not say.
    public let capability: VolumeCapability?

    /// What is needed to reach the storage system; cannot be printed.
    public let secrets: Secrets

    /// Checks a message.
    /// - Throws: INVALID_ARGUMENT naming the first field that cannot be used.
    public init(validating wire: CSIv1.ControllerExpandVolumeRequest) throws(CSIError) {
        id = try VolumeID(wire.volumeID)
        guard let range = wire.capacityRange else { throw .missing("capacity_range") }
        capacity = try CapacityRange(validating: range)
        if let capability = wire.volumeCapability {
            self.capability = try VolumeCapability(validating: capability, field: "volume_capability")
        } else {
            capability = nil
        }
        secrets = try Secrets.validated(wire.secrets)
    }

    /// The volume.
    public var keys: [OperationKey] { [.volume(id)] }

    /// The volume's id.
    public var subject: String? { id.rawValue }
}
